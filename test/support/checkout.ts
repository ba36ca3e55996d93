import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'

/** Receives progress, one line at a time, for a person to read. */
export type Log = (line: string) => void

/** The checkout's root, the same whether this runs from the sources or from dist/. */
export const checkoutRoot: string = rootAbove(import.meta.dirname)

function rootAbove(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error(`No package.json above ${import.meta.dirname}: run this from a checkout.`)
  return rootAbove(parent)
}

/** Where built programs are kept for all checkouts of this user; the same folder as in scripts/bootstrap.mjs. */
export function cacheFolder(): string {
  const { GITWAKE_CACHE, XDG_CACHE_HOME } = process.env
  return GITWAKE_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'gitwake')
}

/** The file that a command's name stands for, or null where PATH has none. */
export function findOnPath(name: string): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file)) ?? null
}
