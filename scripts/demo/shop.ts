import type { Changes } from '../../test/support/git-server.ts'

/** What the sample shop's repository holds before anything is deployed: its settings, and an overlay for each environment. */
export const openingFiles: Changes = {
  'README.md': '# shop\n\nWhat runs in the cluster is what stands here.\n',
  'base/kustomization.yaml': kustomization('resources', ['config.yaml']),
  'base/config.yaml': configFile('soon'),
  'overlays/dev/kustomization.yaml': overlay('dev', 1),
  'overlays/prod/kustomization.yaml': overlay('prod', 3),
}

/** The shop itself: a Deployment, its Service, and a banner that goes again at the end of the story. */
export const shopFiles: Changes = {
  'base/kustomization.yaml': kustomization('resources', ['config.yaml', 'deployment.yaml', 'service.yaml', 'banner.yaml']),
  'base/config.yaml': configFile('hello'),
  'base/deployment.yaml': deploymentFile('replicas: 1'),
  'base/service.yaml': `apiVersion: v1
kind: Service
metadata:
  name: shop
spec:
  selector:
    app: shop
  ports:
    - name: http
      port: 80
      targetPort: http
`,
  'base/banner.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: shop-banner
data:
  text: Opening week!
`,
  'overlays/dev/kustomization.yaml': overlay('dev', 1, true),
  'overlays/prod/kustomization.yaml': overlay('prod', 3, true),
}

/** A small change: one line of the settings. */
export function greeting(text: string): Changes {
  return { 'base/config.yaml': configFile(text) }
}

export const typo: Changes = { 'base/deployment.yaml': deploymentFile('replcias: 1', 'registry.example/shop:1.1') }
export const typoFixed: Changes = { 'base/deployment.yaml': deploymentFile('replicas: 1', 'registry.example/shop:1.1') }

/** Images whose names hold "crash-loop" crash in the demo's cluster. */
export const crashing: Changes = { 'base/deployment.yaml': deploymentFile('replicas: 1', 'registry.example/shop:1.2-crash-loop') }
export const crashFixed: Changes = { 'base/deployment.yaml': deploymentFile('replicas: 1', 'registry.example/shop:1.2') }

export const withoutBanner: Changes = {
  'base/kustomization.yaml': kustomization('resources', ['config.yaml', 'deployment.yaml', 'service.yaml']),
  'base/banner.yaml': null,
}

/** gitwake.yaml for the story: one repository, one cluster, two applications. */
export function configuration(facts: { readonly repositoryUrl: string; readonly kubeconfig: string; readonly cluster: string }): string {
  const application = (environment: string): string => `---
apiVersion: gitwake.dev/v1
kind: Application
metadata: {name: shop-${environment}}
spec:
  source: {repository: shop, ref: main, path: overlays/${environment}}
  destination: {cluster: ${facts.cluster}, namespace: shop-${environment}}
`
  return `apiVersion: gitwake.dev/v1
kind: Repository
metadata: {name: shop}
spec: {url: ${JSON.stringify(facts.repositoryUrl)}, allowInsecure: true, pollInterval: 1m}
---
apiVersion: gitwake.dev/v1
kind: Cluster
metadata: {name: ${facts.cluster}}
spec: {kubeconfigFrom: {file: ${JSON.stringify(facts.kubeconfig)}}, sweepInterval: 5s}
${application('dev')}${application('prod')}`
}

function kustomization(field: string, files: readonly string[]): string {
  return `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n${field}:\n${files.map((file) => `  - ${file}\n`).join('')}`
}

function overlay(environment: string, replicas: number, hasDeployment = false): string {
  const scaled = hasDeployment ? `replicas:\n  - name: shop\n    count: ${replicas}\n` : ''
  return `${kustomization('resources', ['../../base'])}namespace: shop-${environment}\n${scaled}`
}

function configFile(text: string): string {
  return `apiVersion: v1
kind: ConfigMap
metadata:
  name: shop
data:
  greeting: ${text}
`
}

function deploymentFile(replicas: string, image = 'registry.example/shop:1.0'): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  ${replicas}
  selector:
    matchLabels:
      app: shop
  template:
    metadata:
      labels:
        app: shop
    spec:
      containers:
        - name: shop
          image: ${image}
          envFrom:
            - configMapRef:
                name: shop
          ports:
            - name: http
              containerPort: 8080
`
}
