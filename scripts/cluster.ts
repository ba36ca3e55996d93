import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { startControlPlane } from '../test/support/control-plane.ts'

const HELP = `Starts a real Kubernetes control plane (etcd, kube-apiserver, controller manager, a Pod runner in place of kubelets)
and runs until Ctrl-C or SIGTERM. Nothing is left behind but an audit log that you asked for.

  npm run cluster -- --kubeconfig FILE [--audit-log FILE]

  --kubeconfig FILE  where to write the admin's credentials when it is ready; removed at the end
  --audit-log FILE   one JSON line per request: who asked for what, and the answer's code
  --help             this text

Pods are not run but reported as running. Their images' names decide otherwise: crash-loop, image-missing,
never-ready, and job-fail in a Job. KUBEBUILDER_ASSETS may name a folder with etcd and kube-apiserver to use.
The program is built from Go modules once (Go 1.26 or newer, some minutes) and kept in ~/.cache/gitwake.
`

const say = (line: string): void => void process.stderr.write(`gitwake: ${line}\n`)

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { kubeconfig: { type: 'string' }, 'audit-log': { type: 'string' }, help: { type: 'boolean' } },
  })
  if (values.help === true) {
    process.stdout.write(HELP)
    return
  }
  if (values.kubeconfig === undefined) throw new Error(`--kubeconfig FILE is missing.\n\n${HELP}`)
  const stopped = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stopped.abort())

  const started = Date.now()
  const plane = await startControlPlane({
    log: say,
    kubeconfig: resolve(values.kubeconfig),
    ...(values['audit-log'] === undefined ? {} : { auditLog: resolve(values['audit-log']) }),
    signal: stopped.signal,
  })
  say(`Kubernetes ${plane.version} is ready at ${plane.server} after ${((Date.now() - started) / 1000).toFixed(1)} s`)
  say(`audit log: ${plane.auditLog}; component logs: ${plane.logs}`)
  say(`try: kubectl --kubeconfig ${plane.kubeconfig} get nodes`)
  say('Ctrl-C ends it')
  const reason = await plane.ended
  if (reason !== null) throw reason
  say('the control plane is gone')
}

try {
  await main()
} catch (error) {
  if (!(error instanceof Error) || error.name !== 'AbortError') {
    say(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}
