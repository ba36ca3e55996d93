import type { Application } from '../model/configuration.ts'
import type { Rendering } from '../model/tree.ts'
import { openLocalTree, renderContent, renderFile } from '../render/local.ts'
import { createRenderer } from '../render/renderer.ts'
import { jsonList, yamlDocuments } from './output.ts'
import { readStandardInput } from './standard-input.ts'
import { plain } from './table.ts'
import type { Terminal } from './terminal.ts'

/** `gitwake render (--path DIR | -f FILE)`: the objects as they would be applied, from a folder, a file or standard input (`-`). */
export async function render(
  terminal: Terminal,
  options: {
    readonly from: { readonly path: string } | { readonly file: string }
    readonly output: 'yaml' | 'json'
    readonly kustomizePath: string | undefined
    readonly searchPath: string | undefined
  },
  signal: AbortSignal,
): Promise<number> {
  const { from, output, kustomizePath, searchPath } = options
  const programs = { ...(kustomizePath !== undefined && { kustomizePath }), ...(searchPath !== undefined && { searchPath }) }
  const rendering = 'path' in from ? await renderFolder(from.path, programs, signal) : await renderOne(from.file, signal)
  for (const warning of rendering.warnings) terminal.err(`warning: ${plain(warning)}\n`)
  const manifests = rendering.objects.map(({ manifest }) => manifest)
  terminal.out(output === 'json' ? jsonList(manifests) : yamlDocuments(manifests))
  return 0
}

async function renderOne(file: string, signal: AbortSignal): Promise<Rendering> {
  return file === '-' ? renderContent('standard input', await readStandardInput(signal), signal) : renderFile(file, signal)
}

/** Where the programs are that a render may need. */
export interface Programs {
  readonly kustomizePath?: string
  readonly searchPath?: string
}

/** Renders a folder without any configuration. */
export async function renderFolder(folder: string, programs: Programs, signal: AbortSignal): Promise<Rendering> {
  const { tree, path } = await openLocalTree(folder)
  const renderer = createRenderer(programs)
  const inputs = await renderer.inputs(tree, applicationAt(path), signal)
  return renderer.render(tree, inputs, signal)
}

/** An application of which only the path matters: a folder is rendered without any configuration. */
function applicationAt(path: string): Application {
  return {
    name: 'local',
    source: { repository: 'local', ref: 'refs/heads/local', path },
    destination: { cluster: 'local', namespace: 'default', createNamespace: true },
    sync: { prune: true, selfHeal: true, partial: false, preflight: true, undeclared: 'report', healthTimeoutMs: 0 },
    dependsOn: [],
  }
}
