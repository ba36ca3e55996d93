import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { randomFreePort } from '../support/free-port.ts'
import { createTempFolder } from '../support/temp-folder.ts'

/** A validating webhook as an operator brings it: known to the API server before its backend runs. */
export interface AdmissionWebhook {
  /** A ValidatingWebhookConfiguration that lets nothing pass in this namespace that the backend has not seen. */
  manifest(name: string, namespace: string): string
  start(): Promise<void>
  stop(): Promise<void>
  /** Names of the objects that it let pass. */
  readonly seen: readonly string[]
  close(): Promise<void>
}

export async function openAdmissionWebhook(): Promise<AdmissionWebhook> {
  const folder = await createTempFolder('gitwake-webhook-')
  const [key, cert] = [join(folder.path, 'key.pem'), join(folder.path, 'cert.pem')]
  const subject = ['-subj', '/CN=webhook', '-addext', 'subjectAltName=IP:127.0.0.1']
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-keyout', key, '-out', cert]
  execFileSync('openssl', ['req', '-x509', ...made, ...subject], { stdio: 'pipe' })
  const tls = { key: readFileSync(key), cert: readFileSync(cert) }
  const port = await randomFreePort()
  const seen: string[] = []
  const server = createServer(tls, (request, response) => {
    void json(request).then((review) => {
      const { uid, name } = (review as { request: { uid: string; name: string } }).request
      seen.push(name)
      const answer = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, allowed: true } }
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
    })
  })
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return {
    seen,
    manifest: (name, namespace) =>
      JSON.stringify({
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingWebhookConfiguration',
        metadata: { name },
        webhooks: [
          {
            name: 'operator.example.org',
            admissionReviewVersions: ['v1'],
            sideEffects: 'None',
            failurePolicy: 'Fail',
            timeoutSeconds: 2,
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
            rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] }],
            clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: tls.cert.toString('base64') },
          },
        ],
      }),
    async start() {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
    stop,
    async close() {
      await stop()
      await folder.remove()
    },
  }
}
