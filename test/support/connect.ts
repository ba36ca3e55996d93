import { readFile } from 'node:fs/promises'
import { connectCluster, type ClusterConnection } from '../../src/cluster/connect.ts'
import type { Log } from '../../src/model/log.ts'

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent }

/** Connects to a control plane as its admin. With a version, requests are told as `gitwake/<version>` in the audit log; without, as `gitwake`. */
export async function connectTo(kubeconfig: string, version?: string): Promise<ClusterConnection> {
  return await connectCluster(
    {
      name: 'test',
      connection: { kind: 'kubeconfig', kubeconfigFrom: { file: kubeconfig }, allowExec: false },
      sweepIntervalMs: 60_000,
      auditIntervalMs: 0,
      watch: false,
    },
    { resolveSecret: () => readFile(kubeconfig, 'utf8'), log: silent, ...(version !== undefined && { version }) },
  )
}
