import { after, before, describe, it } from 'node:test'
import { agree, setTheStage } from './rehearsal.ts'
import { openWorkbench, type Workbench } from './workbench.ts'

describe('what the metadata tells, compared with a dry-run, again and again', { timeout: 900_000 }, () => {
  let bench: Workbench
  before(async () => {
    bench = await openWorkbench()
    await setTheStage(bench)
  })
  after(() => bench.close())

  it('misses no edit', () => agree(bench, 800))
})
