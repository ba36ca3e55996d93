/** One object as `git cat-file` tells it. `content` is empty where only information was asked for. */
export interface Answer {
  readonly oid: string
  readonly type: string
  readonly size: number
  readonly content: Buffer
}

interface Question {
  readonly count: number
  readonly withContent: boolean
  readonly answers: (Answer | undefined)[]
  resolve(answers: readonly (Answer | undefined)[]): void
  reject(error: unknown): void
}

/** The output of a `git cat-file --batch-command`, matched to the questions in their order. */
export interface Answers {
  expect(count: number, withContent: boolean): Promise<readonly (Answer | undefined)[]>
  feed(chunk: Buffer): void
  /** Rejects everything that is still expected. */
  fail(error: unknown): void
  busy(): boolean
}

/** Format: `OID TYPE SIZE LF [CONTENT LF]` or `NAME missing LF` (git-cat-file(1)). */
export function createAnswers(): Answers {
  const questions: Question[] = []
  const chunks: Buffer[] = []
  let available = 0
  let header: Omit<Answer, 'content'> | undefined

  function take(length: number): Buffer {
    const all = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
    chunks.length = 0
    available -= length
    if (all.length > length) chunks.push(all.subarray(length))
    return all.subarray(0, length)
  }

  function takeLine(): string | undefined {
    let length = 0
    for (const chunk of chunks) {
      const at = chunk.indexOf(0x0a)
      if (at >= 0)
        return take(length + at + 1)
          .toString('utf8')
          .trimEnd()
      length += chunk.length
    }
    return undefined
  }

  function give(question: Question, answer: Answer | undefined): void {
    header = undefined
    question.answers.push(answer)
    if (question.answers.length < question.count) return
    questions.shift()
    question.resolve(question.answers)
  }

  /** Takes one step through the output; false where more of it is needed. */
  function step(question: Question): boolean {
    if (header === undefined) {
      const line = takeLine()
      if (line === undefined) return false
      const [, oid, type, size] = /^([0-9a-f]{40,64}) (\w+) (\d+)$/u.exec(line) ?? []
      if (oid === undefined || type === undefined || size === undefined) return (give(question, undefined), true)
      header = { oid, type, size: Number(size) }
      if (!question.withContent) give(question, { ...header, content: Buffer.alloc(0) })
      return true
    }
    if (available < header.size + 1) return false
    give(question, { ...header, content: take(header.size + 1).subarray(0, header.size) })
    return true
  }

  return {
    expect: (count, withContent) => new Promise((resolve, reject) => questions.push({ count, withContent, answers: [], resolve, reject })),
    feed: (chunk) => {
      chunks.push(chunk)
      available += chunk.length
      for (let question = questions[0]; question !== undefined && step(question); question = questions[0]);
    },
    fail: (error) => {
      for (const { reject } of questions.splice(0)) reject(error)
    },
    busy: () => questions.length > 0,
  }
}
