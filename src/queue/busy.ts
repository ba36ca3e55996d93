/** What a worker is doing right now. */
export interface Busy {
  /** Counts a job until it has ended. */
  while<Value>(name: string, job: Promise<Value>): Promise<Value>
  /** Resolves when none of the jobs of this moment runs any more. */
  idle(): Promise<void>
  names(): readonly string[]
}

export function createBusy(): Busy {
  const running = new Map<Promise<unknown>, string>()
  return {
    async while(name, job) {
      running.set(job, name)
      try {
        return await job
      } finally {
        running.delete(job)
      }
    },
    idle: async () => void (await Promise.allSettled(running.keys())),
    names: () => [...running.values()],
  }
}
