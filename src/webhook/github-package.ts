import { z } from 'zod'
import type { JsonObject } from '../model/json.ts'
import type { Announcement } from './provider.ts'
import { actorOf, decodeWith, imageOf, nameField, urlField } from './push-fields.ts'

const packageSchema = z.object({
  name: z.string().min(1).max(255),
  namespace: z.string().min(1).max(255),
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
  // With the tag, or without it; an Enterprise Server has a registry of its own.
  const { name } = imageOf((url || `ghcr.io/${told.namespace}/${told.name}`).toLowerCase())
  const image = imageOf(`${name}${tag ? `:${tag}` : ''}${digest ? `@${digest}` : ''}`)
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
