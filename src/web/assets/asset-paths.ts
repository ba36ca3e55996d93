import { createHash } from 'node:crypto'
import { ICON } from './icon.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'

/** A file that pages refer to: kept in the program itself, so that what is shipped is only what the compiler wrote. */
export interface Asset {
  readonly path: string
  readonly type: string
  readonly body: string
}

function asset(name: string, type: string, body: string): Asset {
  const version = createHash('sha256').update(body).digest('hex').slice(0, 12)
  return { path: `/assets/${version}/${name}`, type, body }
}

const style = asset('page.css', 'text/css', STYLE)
const script = asset('page.js', 'text/javascript', SCRIPT)
const icon = asset('icon.svg', 'image/svg+xml', ICON)

/** Each path names its content, so that browsers may keep it for ever. */
export const ASSETS: readonly Asset[] = [style, script, icon]
export const ASSET_PATHS = { style: style.path, script: script.path, icon: icon.path }
