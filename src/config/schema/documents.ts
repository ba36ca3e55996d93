import { applicationDocument } from './application.ts'
import { clusterDocument } from './cluster.ts'
import { loginDocument, peopleDocument } from './login.ts'
import { repositoryDocument } from './repository.ts'
import { tokenDocument } from './token.ts'

// The documents as they are written: the one source of the checks, of the JSON Schema and of the editor's completion.
// Nothing is transformed here; convert.ts makes the model from what has passed.

export const DOCUMENTS = {
  Repository: repositoryDocument,
  Cluster: clusterDocument,
  Application: applicationDocument,
  Token: tokenDocument,
  Login: loginDocument,
  People: peopleDocument,
} as const
