import { z } from 'zod'
import { parseImage } from '../model/image.ts'
import type { JsonObject } from '../model/json.ts'
import type { Announcement } from './provider.ts'
import { actorOf, decodeWith, nameField, urlField } from './push-fields.ts'

const packageSchema = z.object({
  name: nameField,
  namespace: nameField,
  package_type: z.string().max(64),
  package_version: z
    .object({
      package_url: urlField,
      container_metadata: z.object({ tag: z.object({ name: nameField, digest: nameField }).nullish() }).nullish(),
    })
    .nullish(),
})
const registryPackageSchema = z.object({ registry_package: packageSchema, sender: z.object({ login: nameField }).nullish() })
const plainPackageSchema = z.object({ package: packageSchema, sender: z.object({ login: nameField }).nullish() })

/**
 * An image of GitHub's container registry. GitHub sends both events for one push; `registry_package` is the newer one.
 * https://docs.github.com/en/webhooks/webhook-events-and-payloads#registry_package
 */
export function decodePackage(event: 'registry_package' | 'package', payload: JsonObject): Announcement {
  const { told, sender } = packageOf(event, payload)
  // Docker is the registry before ghcr.io, docker.pkg.github.com: its names are others, and it is read-only.
  if (told.package_type.toLowerCase() !== 'container') return { kind: 'ignored', event, reason: 'the package is no container image' }
  const { package_url: url, container_metadata: metadata } = told.package_version ?? {}
  const { name: tag, digest } = metadata?.tag ?? {}
  // With the tag, or with an empty one, or without; an Enterprise Server has a registry of its own.
  const { name } = parseImage((url || `ghcr.io/${told.namespace}/${told.name}`).toLowerCase().replace(/:$/u, '')) ?? {}
  const image = parseImage(`${name}${tag ? `:${tag}` : ''}${digest ? `@${digest}` : ''}`)
  if (name === undefined || image === undefined) return { kind: 'ignored', event, reason: 'it names no image' }
  return { kind: 'image', images: [image], actor: actorOf(sender?.login) }
}

function packageOf(event: 'registry_package' | 'package', payload: JsonObject) {
  if (event === 'package') {
    const { package: told, sender } = decodeWith(plainPackageSchema, payload)
    return { told, sender }
  }
  const { registry_package: told, sender } = decodeWith(registryPackageSchema, payload)
  return { told, sender }
}
