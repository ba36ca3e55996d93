import { matchPath, matchSegment } from './glob.ts'

/** A container image by its full name: `ghcr.io/acme/shop`, `docker.io/library/nginx`. */
export interface Image {
  readonly name: string
  readonly tag?: string
  readonly digest?: string
}

const DOCKER_HUB = /^(?:index\.docker\.io|registry-1\.docker\.io|registry\.hub\.docker\.com)$/u
const NAME = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+$/u
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/u
const DIGEST = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-f]{32,128}$/u
// In a pattern `*` stands for any text that holds no slash.
const NAME_PATTERN = /^[a-z0-9*](?:[a-z0-9.*-]*[a-z0-9*])?(?::\d{1,5})?(?:\/[a-z0-9*]+(?:[._-]+[a-z0-9*]+)*)+$/u
const TAG_PATTERN = /^[A-Za-z0-9_.*-]{1,128}$/u

/** An image as registries and people write it; a name without a registry is one of Docker Hub's. Undefined for what names none. */
export function parseImage(text: string): Image | undefined {
  const { name, tag, digest } = split(text)
  if (name.length > 255 || !NAME.test(name)) return undefined
  if ((tag !== undefined && !TAG.test(tag)) || (digest !== undefined && !DIGEST.test(digest))) return undefined
  return { name, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) }
}

/** Whether a text can stand where applications name the images that they listen to: `ghcr.io/acme/*`, `acme/shop:1.*`. */
export function isImagePattern(text: string): boolean {
  const { name, tag, digest } = split(text)
  return digest === undefined && name.length <= 255 && NAME_PATTERN.test(name) && (tag === undefined || TAG_PATTERN.test(tag))
}

/** A pattern without a tag means every tag; one with a tag never an image that was pushed without one. */
export function matchesImage(pattern: string, image: Image): boolean {
  const { name, tag } = split(pattern)
  if (!matchPath(name.split('/'), image.name.split('/'))) return false
  return tag === undefined || (image.tag !== undefined && matchSegment(tag, image.tag))
}

/** `ghcr.io/acme/shop:1.2`, without the digest: for people. */
export function displayImage({ name, tag, digest }: Image): string {
  return `${name}${tag === undefined ? '' : `:${tag}`}${tag === undefined && digest !== undefined ? `@${digest}` : ''}`
}

function split(text: string): Image {
  const [bare = '', ...digests] = text.split('@')
  const colon = bare.lastIndexOf(':')
  const hasTag = colon > bare.lastIndexOf('/')
  const name = fullName(hasTag ? bare.slice(0, colon) : bare)
  return { name, ...(hasTag && { tag: bare.slice(colon + 1) }), ...(digests.length > 0 && { digest: digests.join('@') }) }
}

/** The first part is a registry where it has a dot or a port, or is localhost, as Docker reads it. */
function fullName(written: string): string {
  const parts = written.split('/')
  const [first = ''] = parts
  const isRegistry = parts.length > 1 && (/[.:]/u.test(first) || first === 'localhost')
  const registry = isRegistry ? first.toLowerCase() : 'docker.io'
  const path = isRegistry ? parts.slice(1) : parts
  const host = DOCKER_HUB.test(registry) ? 'docker.io' : registry
  return [host, ...(host === 'docker.io' && path.length === 1 ? ['library'] : []), ...path].join('/')
}
