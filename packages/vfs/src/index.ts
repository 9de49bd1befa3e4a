export * from './types.js';
export { Dentry } from './dentry.js';
export { FileDescription } from './file-description.js';
export { anonymousDev } from './file-system.js';
export { Inode } from './inode.js';
export { Mount, PathNode } from './mount.js';
export { AnonymousInode, anonymousNode, isAnonymous, newAnonymousNode, newPipeNode, newSocketNode } from './anonymous.js';
export * from './ipc.js';
