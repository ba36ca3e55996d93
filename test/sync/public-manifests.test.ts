import { describePublicManifests } from './public-manifests.ts'

describePublicManifests([
  {
    name: 'Knative Serving: namespace, CRDs, roles, webhooks and Deployments in plain files',
    module: ['knative.dev/serving', 'v0.51.0'],
    folder: 'config/core',
    // Two objects are of CRDs that the repository links to from another one, and modules hold no links.
    files: /^(?!300-knativecertificate|999-cache)/,
    path: '',
    kustomize: false,
  },
  {
    name: 'metrics-server: a kustomization of a base and a component, with an aggregated API',
    module: ['sigs.k8s.io/metrics-server', 'v0.8.0'],
    folder: 'manifests',
    path: 'overlays/release',
    kustomize: true,
  },
  {
    name: 'ingress-nginx: namespace, Jobs and a webhook, in a kustomization',
    module: ['k8s.io/ingress-nginx', 'v0.0.0-20240708192948-52c50467d67d'],
    folder: 'deploy/static/provider/cloud',
    path: '',
    kustomize: true,
  },
])
