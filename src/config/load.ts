import type { AccessToken, Application, Cluster, Configuration, Login, Repository } from '../model/configuration.ts'
import { tokenClash, toToken } from './access.ts'
import { joinPeople, toLogin, toPeople, type PeopleOf } from './login.ts'
import { toApplication, toCluster, toRepository } from './convert.ts'
import type { Report } from './explain.ts'
import { crossCheck } from './cross-checks.ts'
import { suggestion } from '../model/nearest.ts'
import { parseDocuments, type CheckedDocument, type Place } from './documents.ts'
import { listFiles, readText, type ConfigurationFile } from './files.ts'
import { configurationError, type ConfigurationProblem } from './problem.ts'

export type Checked =
  | { readonly valid: true; readonly configuration: Configuration; readonly files: readonly string[] }
  | { readonly valid: false; readonly problems: readonly ConfigurationProblem[]; readonly files: readonly string[] }

/**
 * Reads a file or folder and checks it whole: shape, names, references. Every problem is reported at once.
 * Throws only where nothing can be read (`configuration-not-found`, `configuration-unreadable`, `configuration-too-large`).
 */
export async function checkConfiguration(path: string, version = 1): Promise<Checked> {
  return checkFiles(path, await listFiles(path), version)
}

/** Like checkConfiguration, but throws `configuration-invalid` with every problem in its message. */
export async function loadConfiguration(path: string, version = 1): Promise<Configuration> {
  const checked = await checkConfiguration(path, version)
  if (checked.valid) return checked.configuration
  throw configurationError(checked.problems)
}

/** The same for files that were listed already. */
export async function checkFiles(path: string, files: readonly ConfigurationFile[], version: number): Promise<Checked> {
  const problems: ConfigurationProblem[] = []
  const documents: CheckedDocument[] = []
  for (const file of files) {
    const read = await readText(file)
    if ('problem' in read) {
      problems.push({ file: file.name, document: 0, path: '', message: read.problem })
      continue
    }
    const parsed = parseDocuments(file.name, read.text)
    problems.push(...parsed.problems)
    documents.push(...parsed.documents)
  }
  const names = files.map((file) => file.name)
  if (problems.length === 0 && documents.length === 0) problems.push({ file: path, document: 0, path: '', message: EMPTY })
  const built = build(documents, problems)
  problems.push(...(await checkExpressions(documents)), ...(await checkSchedules(documents)))
  if (problems.length > 0) return { valid: false, problems, files: names }
  return { valid: true, configuration: Object.freeze({ version, ...built }), files: names }
}

// An empty file is what an editor leaves for a moment while it saves: taking it as "no applications" would orphan all of them.
const EMPTY = 'holds no document: write at least a Repository, a Cluster and an Application'

/** The language is loaded only where it is used. */
async function checkExpressions(documents: readonly CheckedDocument[]): Promise<readonly ConfigurationProblem[]> {
  const written = documents.flatMap(({ kind, place, document }) =>
    kind === 'Cluster' && document.spec.health !== undefined ? [{ place, name: document.metadata.name, health: document.spec.health }] : [],
  )
  if (written.length === 0) return []
  const { expressionProblems } = await import('../health/expressions.ts')
  return written.flatMap(({ place, name, health }) =>
    health.flatMap((expressions, index) =>
      expressionProblems(expressions).map(({ field, message }) => ({
        ...place,
        subject: `Cluster ${name}`,
        path: `spec.health[${index}].${field}`,
        message,
      })),
    ),
  )
}

/** Cron is known only where it is used, too. */
async function checkSchedules(documents: readonly CheckedDocument[]): Promise<readonly ConfigurationProblem[]> {
  const written = documents.flatMap((checked) => {
    const { kind, place, document } = checked
    const windows =
      kind === 'Cluster' ? checked.document.spec.windows : kind === 'Application' ? checked.document.spec.sync?.windows : undefined
    const path = kind === 'Cluster' ? 'spec.windows' : 'spec.sync.windows'
    return windows === undefined ? [] : [{ place, subject: `${kind} ${document.metadata.name}`, path, windows }]
  })
  if (written.length === 0) return []
  const { scheduleProblem } = await import('../plan/windows.ts')
  return written.flatMap(({ place, subject, path, windows }) =>
    windows.flatMap(({ schedule, timeZone = 'UTC' }, index) => {
      const problem = scheduleProblem(schedule, timeZone, Date.now())
      return problem === undefined ? [] : [{ ...place, subject, path: `${path}[${index}].${problem.field}`, message: problem.message }]
    }),
  )
}

function build(documents: readonly CheckedDocument[], problems: ConfigurationProblem[]): Omit<Configuration, 'version'> {
  const repositories = new Map<string, Repository>()
  const clusters = new Map<string, Cluster>()
  const applications = new Map<string, Application>()
  const tokens = new Map<string, AccessToken>()
  const logins = new Map<string, Omit<Login, 'people'>>()
  const people: PeopleOf[] = []
  const places = new Map<string, Place>()
  for (const checked of documents) {
    const { kind, place } = checked
    const name = checked.document.metadata.name
    const subject = `${kind} ${name}`
    const report: Report = (finding) => problems.push({ ...place, subject, ...finding })
    const first = places.get(subject)
    if (first !== undefined) {
      report({ path: 'metadata.name', message: `is used twice: ${first.file} (document ${first.document}) has the same name` })
      continue
    }
    places.set(subject, place)
    switch (kind) {
      case 'Repository':
        repositories.set(name, deepFreeze(toRepository(checked.document, report)))
        break
      case 'Cluster':
        clusters.set(name, deepFreeze(toCluster(checked.document, report)))
        break
      case 'Application':
        applications.set(name, deepFreeze(toApplication(checked.document, report)))
        break
      case 'Token': {
        const token = deepFreeze(toToken(checked.document, report))
        for (const other of tokens.values()) for (const finding of tokenClash(token, other)) report(finding)
        tokens.set(name, token)
        break
      }
      case 'Login':
        logins.set(name, toLogin(checked.document, report))
        break
      case 'People':
        people.push(toPeople(checked.document, report))
        break
    }
  }
  for (const { application, missing, ...finding } of crossCheck({ repositories, clusters, applications })) {
    if (missing !== undefined && mayStandInBroken(missing, problems)) continue
    const place = places.get(`Application ${application}`)
    if (place !== undefined) problems.push({ ...place, subject: `Application ${application}`, ...finding })
  }
  for (const { name, login } of people) {
    if (logins.has(login) || mayStandInBroken(`Login ${login}`, problems)) continue
    const place = places.get(`People ${name}`)
    const message = `there is no Login "${login}"${suggestion(login, logins.keys())}`
    if (place !== undefined) problems.push({ ...place, subject: `People ${name}`, path: 'spec.login', message })
  }
  return { repositories, clusters, applications, tokens, logins: joinPeople(logins, people) }
}

/** A name that seems to be missing may belong to a document whose own mistakes are told already, or stand in a file that could not be read. */
function mayStandInBroken(subject: string, problems: readonly ConfigurationProblem[]): boolean {
  return problems.some((problem) => problem.document === 0 || problem.subject === subject)
}

function deepFreeze<Value extends object>(value: Value): Value {
  for (const item of Object.values(value)) if (typeof item === 'object' && item !== null) deepFreeze(item)
  return Object.freeze(value)
}
