/** Names of the machine (uts_namespaces(7), uname(2)). */
import { ROOT_NAMESPACE_INODES, type UserNamespace } from '@troupe/abi';

/** What uname(2) reports besides the host name. */
export const RELEASE = '6.1.0-troupe';
export const VERSION = '#1 SMP Troupe';
const DEFAULT_HOSTNAME = 'troupe';
const DEFAULT_DOMAINNAME = '(none)';

export class UtsNamespace {
  readonly kind = 'uts';

  constructor(readonly userNamespace: UserNamespace, public hostname = DEFAULT_HOSTNAME, public domainname = DEFAULT_DOMAINNAME, readonly inode: number = ROOT_NAMESPACE_INODES.uts) {}

  /** CLONE_NEWUTS: starts with the same names. */
  copy(userNamespace: UserNamespace, inode: number): UtsNamespace {
    return new UtsNamespace(userNamespace, this.hostname, this.domainname, inode);
  }
}
