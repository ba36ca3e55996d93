import type { IgnoreRule } from '../model/configuration.ts'
import { parsePointer } from '../model/pointer.ts'
import type { Report } from './explain.ts'
import type { ApplicationDocument } from './schema/application.ts'

type Written = NonNullable<NonNullable<ApplicationDocument['spec']['sync']>['ignore']>[number]

/** What says which object it is cannot be left to others. */
const IDENTITY = /^(apiVersion|kind|metadata)?$|^metadata\/(name|namespace|uid|resourceVersion|managedFields)$/

/** An ignore rule as the model has it. */
export function toIgnoreRule({ fields = [], managers = [], ...which }: Written, path: string, report: Report): IgnoreRule {
  if (fields.length === 0 && managers.length === 0)
    report({
      path,
      message: 'must name fields (/spec/replicas), managers, or both: a whole object is left alone by the annotation gitwake.dev/apply',
    })
  return {
    ...Object.fromEntries(Object.entries(which).filter(([, value]) => value !== undefined)),
    fields: fields.map((text, index) => steps(text, `${path}.fields[${index}]`, report)),
    managers,
  }
}

function steps(text: string, path: string, report: Report): readonly string[] {
  const parsed = parsePointer(text)
  if (parsed === undefined) {
    const meant = /^[\w.]+$/.test(text)
      ? `: write /${text.replace(/^\./, '').replaceAll('.', '/')}`
      : ', with ~1 for / and ~0 for ~ in a name'
    report({ path, message: `${JSON.stringify(text.slice(0, 80))} is not a JSON pointer${meant}` })
    return []
  }
  if (parsed.some((step) => step === '')) report({ path, message: 'has an empty step: remove the doubled or last /' })
  if (IDENTITY.test(parsed.join('/'))) report({ path, message: 'is part of what names an object, and cannot be ignored' })
  const broken = parsed.find((step) => step.startsWith('[') && !/^\[[^\]]+\]$/.test(step))
  if (broken !== undefined) report({ path, message: `${JSON.stringify(broken.slice(0, 80))} does not name an item: write [name=api]` })
  return parsed
}
