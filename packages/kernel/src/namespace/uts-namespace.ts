/** Names of the machine (uts_namespaces(7), uname(2)). */
import { ROOT_NAMESPACE_INODES } from './root-inodes.js';
import type { UserNamespace } from './user-namespace.js';

/** What uname(2) reports besides the host name. */
export const RELEASE = '6.1.0-troupe';
export const VERSION = '#1 SMP Troupe';
const DEFAULT_HOSTNAME = 'troupe';
const DEFAULT_DOMAINNAME = '(none)';

export class UtsNamespace {
  readonly inode = ROOT_NAMESPACE_INODES.uts;

  constructor(readonly userNamespace: UserNamespace, public hostname = DEFAULT_HOSTNAME, public domainname = DEFAULT_DOMAINNAME) {}
}
