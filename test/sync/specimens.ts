import type { Json, JsonObject } from '../../src/model/json.ts'
import type { Manifest } from '../../src/model/object.ts'

type Mutable = { [key: string]: Json | undefined }

/** A change to an object, whoever makes it and however it is sent. */
export interface Mutation {
  readonly name: string
  /** The object after the change; `value` makes it a different one each time. */
  readonly change: (object: JsonObject, value: string) => JsonObject
}

/** A kind of object with what people and controllers do to such objects. */
export interface Specimen {
  readonly name: string
  readonly path: (name: string) => string
  readonly manifest: (name: string) => Manifest
  readonly mutations: readonly Mutation[]
  /** Subresources that take a PATCH of the whole object. */
  readonly subresources?: Readonly<Record<string, JsonObject>>
  /** A further apiVersion in which it is served. */
  readonly otherVersion?: string
  /** Custom resources know no strategic merge patch. */
  readonly isCustom?: boolean
}

export const NAMESPACE = 'specimens'
const LABELS = { tier: 'one' }
const ANNOTATIONS = { note: 'one' }

function set(path: string, value: (value: string) => Json): Mutation {
  return { name: `set ${path}`, change: (object, text) => edit(object, path.split('.'), () => value(text)) }
}
function remove(path: string): Mutation {
  return { name: `remove ${path}`, change: (object) => edit(object, path.split('.'), () => undefined) }
}
function reverse(path: string): Mutation {
  return {
    name: `reverse ${path}`,
    change: (object) => edit(object, path.split('.'), (list) => (Array.isArray(list) ? [...(list as readonly Json[])].reverse() : list)),
  }
}

function edit(value: Json | undefined, path: readonly string[], change: (value: Json | undefined) => Json | undefined): JsonObject {
  const [step = '', ...rest] = path
  const copy: Mutable = { ...(value as JsonObject) }
  const inner = copy[step]
  if (rest.length === 0) copy[step] = change(inner)
  else if (Array.isArray(inner)) {
    const list: Json[] = [...(inner as readonly Json[])]
    const [index = '0', ...deeper] = rest
    list[Number(index)] = deeper.length === 0 ? (change(list[Number(index)]) ?? null) : edit(list[Number(index)], deeper, change)
    copy[step] = list
  } else copy[step] = edit(inner ?? {}, rest, change)
  return copy
}

const text = (value: string): Json => value
const number = (value: string): Json => value.length + 2

const METADATA: readonly Mutation[] = [
  set('metadata.labels.tier', text),
  set('metadata.labels.extra', text),
  remove('metadata.labels.tier'),
  set('metadata.annotations.note', text),
  set('metadata.annotations.extra', text),
  remove('metadata.annotations.note'),
  set('metadata.finalizers', () => ['example.org/hold']),
]

const CONTAINER = 'spec.template.spec.containers.0'

const core = (plural: string) => (name: string) => `/api/v1/namespaces/${NAMESPACE}/${plural}/${name}`
const named =
  (apiVersion: string, kind: string, rest: JsonObject, namespaced = true) =>
  (name: string) =>
    ({
      apiVersion,
      kind,
      metadata: { name, ...(namespaced && { namespace: NAMESPACE }), labels: LABELS, annotations: ANNOTATIONS },
      ...rest,
    }) as Manifest

const KINDS: readonly Specimen[] = [
  {
    name: 'ConfigMap',
    path: core('configmaps'),
    manifest: named('v1', 'ConfigMap', { data: { a: '1', b: '2' } }),
    mutations: [set('data.a', text), set('data.c', text), remove('data.a'), remove('data'), set('immutable', () => true)],
  },
  {
    name: 'Secret',
    path: core('secrets'),
    manifest: named('v1', 'Secret', { type: 'Opaque', data: { a: 'MQ==', b: 'Mg==' } }),
    mutations: [
      set('data.a', (value) => Buffer.from(value).toString('base64')),
      set('stringData', (value) => ({ a: value })),
      set('stringData', (value) => ({ c: value })),
      remove('data.b'),
    ],
  },
  {
    name: 'Deployment',
    path: (name) => `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${name}`,
    manifest: named('apps/v1', 'Deployment', {
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'x' } },
        template: {
          metadata: { labels: { app: 'x' } },
          spec: {
            initContainers: [
              { name: 'one', image: 'busybox' },
              { name: 'two', image: 'busybox' },
            ],
            containers: [
              {
                name: 'web',
                image: 'nginx',
                args: ['a', 'b'],
                env: [
                  { name: 'A', value: '1' },
                  { name: 'B', value: '2' },
                ],
                ports: [{ containerPort: 80 }, { containerPort: 81 }],
                readinessProbe: { httpGet: { path: '/', port: 80 } },
              },
              { name: 'side', image: 'nginx' },
            ],
          },
        },
      },
    }),
    mutations: [
      set('spec.replicas', number),
      set('spec.paused', () => true),
      set('spec.template.metadata.annotations.restartedAt', text),
      set(`${CONTAINER}.image`, (value) => `nginx:${value}`),
      set(`${CONTAINER}.env.0.value`, text),
      set(`${CONTAINER}.env.0`, () => ({ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } })),
      set(`${CONTAINER}.env.2`, (value) => ({ name: 'C', value })),
      set(`${CONTAINER}.args`, () => ['b', 'a']),
      set(`${CONTAINER}.readinessProbe`, () => ({ exec: { command: ['true'] } })),
      remove(`${CONTAINER}.readinessProbe`),
      reverse('spec.template.spec.initContainers'),
      reverse('spec.template.spec.containers'),
      reverse(`${CONTAINER}.env`),
      reverse(`${CONTAINER}.ports`),
    ],
    subresources: { status: { status: { replicas: 1 } }, scale: { spec: { replicas: 7 } } },
  },
  {
    name: 'Service',
    path: core('services'),
    manifest: named('v1', 'Service', {
      spec: {
        selector: { app: 'x' },
        ports: [
          { name: 'a', port: 80 },
          { name: 'b', port: 81, protocol: 'UDP' },
        ],
      },
    }),
    mutations: [
      set('spec.selector.app', text),
      set('spec.sessionAffinity', () => 'ClientIP'),
      set('spec.ports.0.targetPort', number),
      reverse('spec.ports'),
    ],
    subresources: { status: { status: { loadBalancer: { ingress: [{ ip: '10.1.2.3' }] } } } },
  },
  {
    name: 'Role',
    path: (name) => `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/roles/${name}`,
    manifest: named('rbac.authorization.k8s.io/v1', 'Role', {
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] },
        { apiGroups: [''], resources: ['services'], verbs: ['get'] },
      ],
    }),
    mutations: [
      set('rules.0.verbs', () => ['list', 'get']),
      set('rules.0.resources', () => ['secrets']),
      reverse('rules'),
      remove('rules'),
    ],
  },
  {
    name: 'NetworkPolicy',
    path: (name) => `/apis/networking.k8s.io/v1/namespaces/${NAMESPACE}/networkpolicies/${name}`,
    manifest: named('networking.k8s.io/v1', 'NetworkPolicy', {
      spec: { podSelector: { matchLabels: { app: 'x' } }, policyTypes: ['Ingress', 'Egress'] },
    }),
    mutations: [set('spec.podSelector.matchLabels.app', text), reverse('spec.policyTypes')],
  },
  {
    // Its generation never moves.
    name: 'PriorityClass',
    path: (name) => `/apis/scheduling.k8s.io/v1/priorityclasses/${name}`,
    manifest: named('scheduling.k8s.io/v1', 'PriorityClass', { value: 10, description: 'one' }, false),
    mutations: [set('description', text), remove('description')],
  },
  {
    name: 'structural custom resource',
    path: (name) => `/apis/specimens.gitwake.dev/v1/namespaces/${NAMESPACE}/structurals/${name}`,
    manifest: named('specimens.gitwake.dev/v1', 'Structural', {
      spec: { size: 1, items: [{ name: 'a', value: 1 }, { name: 'b' }], plain: ['x', 'y'], map: { a: '1', b: '2' } },
    }),
    mutations: [
      set('spec.size', number),
      set('spec.unknown', text),
      set('spec.items.0.value', number),
      set('spec.map.a', text),
      set('spec.map.c', text),
      remove('spec.size'),
      reverse('spec.items'),
      reverse('spec.plain'),
      set('status', (value) => ({ phase: value })),
    ],
    subresources: { status: { status: { phase: 'Ready' } } },
    otherVersion: 'specimens.gitwake.dev/v2',
    isCustom: true,
  },
  {
    name: 'the same in another version',
    path: (name) => `/apis/specimens.gitwake.dev/v2/namespaces/${NAMESPACE}/structurals/${name}`,
    manifest: named('specimens.gitwake.dev/v1', 'Structural', { spec: { size: 1, plain: ['x', 'y'], map: { a: '1' } } }),
    mutations: [set('spec.size', number), set('spec.map.a', text), reverse('spec.plain'), remove('spec.map')],
    isCustom: true,
  },
  {
    name: 'custom resource without a schema or a status',
    path: (name) => `/apis/specimens.gitwake.dev/v1/namespaces/${NAMESPACE}/looses/${name}`,
    manifest: named('specimens.gitwake.dev/v1', 'Loose', { spec: { size: 1, items: [{ a: 1 }, { a: 2 }] }, status: { phase: 'wanted' } }),
    mutations: [
      set('spec.size', number),
      set('spec.items.0.a', number),
      set('spec.more', text),
      reverse('spec.items'),
      set('status.phase', text),
      remove('status'),
    ],
    isCustom: true,
  },
]

export const SPECIMENS: readonly Specimen[] = KINDS.map((specimen) => ({ ...specimen, mutations: [...specimen.mutations, ...METADATA] }))

const OPEN = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
const STRUCTURAL = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        size: { type: 'integer', default: 3 },
        items: {
          type: 'array',
          items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, value: { type: 'integer' } } },
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
        },
        plain: { type: 'array', items: { type: 'string' } },
        map: { type: 'object', additionalProperties: { type: 'string' } },
      },
    },
    status: OPEN,
  },
}

/** The definitions that the custom specimens need. */
export const DEFINITIONS: readonly JsonObject[] = [
  definition('Structural', 'structurals', [
    { name: 'v1', served: true, storage: true, subresources: { status: {} }, schema: { openAPIV3Schema: STRUCTURAL } },
    { name: 'v2', served: true, storage: false, subresources: { status: {} }, schema: { openAPIV3Schema: STRUCTURAL } },
  ]),
  definition('Loose', 'looses', [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: OPEN } }]),
]

export function definition(kind: string, plural: string, versions: readonly Json[]): JsonObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.specimens.gitwake.dev` },
    spec: {
      group: 'specimens.gitwake.dev',
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions,
    },
  }
}
