// A process of its own that fetches: `node fetcher-process.ts CACHE URL TIMES`, prints one revision per line.
import { createSource } from '../../src/source/source.ts'
import { repositoryAt } from './remote-host.ts'

const [cacheDir = '', url = '', times = '1'] = process.argv.slice(2)
const source = createSource({ cacheDir, resolveSecret: async () => '' })
for (let round = 0; round < Number(times); round += 1) {
  const tree = await source.fetch(repositoryAt(url), 'refs/heads/main', new AbortController().signal)
  const { files } = await tree.list('', new AbortController().signal)
  const contents = await tree.read(files, new AbortController().signal)
  console.log(tree.revision, contents.map(String).join('|'))
}
await source.close()
