/** User namespaces (user_namespaces(7); auth.UserNamespace of the seed). */
import type { Credentials } from '@troupe/abi';
import { hasCap } from '@troupe/abi';
import { ROOT_NAMESPACE_INODES } from './root-inodes.js';

/** The first user namespace: ids inside are ids outside. */
export class UserNamespace {
  readonly parent: UserNamespace | null = null;
  readonly ownerUid = 0;
  readonly ownerGid = 0;
  readonly inode = ROOT_NAMESPACE_INODES.user;

  /** A capability towards objects this namespace owns. */
  hasCapability(creds: Credentials, cap: number): boolean {
    return hasCap(creds, cap);
  }
}
