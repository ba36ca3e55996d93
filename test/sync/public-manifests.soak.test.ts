import { describePublicManifests } from './public-manifests.ts'

describePublicManifests([
  {
    name: 'the Prometheus operator: 4 MB of CRDs, RBAC and a Deployment in one plain file',
    module: ['github.com/prometheus-operator/prometheus-operator', 'v0.85.0'],
    folder: '.',
    files: /^bundle\.yaml$/,
    path: '',
    kustomize: false,
  },
  {
    name: 'Kueue: a kustomization with namespace, CRDs, webhooks, patches and transformers',
    module: ['sigs.k8s.io/kueue', 'v0.17.0'],
    folder: 'config',
    path: 'default',
    kustomize: true,
  },
  {
    name: 'the Gateway API: a kustomization of CRDs and an admission policy about them',
    module: ['sigs.k8s.io/gateway-api', 'v1.6.3'],
    folder: 'config/crd',
    path: '',
    kustomize: true,
  },
])
