/** The namespaces a task uses, besides its user namespace, which its credentials name (namespaces(7)). */
import type { IpcNamespace } from './ipc-namespace.js';
import type { UtsNamespace } from './uts-namespace.js';

/** Immutable: unshare and setns make a new set. */
export interface NamespaceSet {
  readonly uts: UtsNamespace;
  readonly ipc: IpcNamespace;
}
