/**
 * One word of a POSIX shell that stands for `text`, as GNU parallel writes it: single quotes around
 * everything but plain file names, double quotes around single quotes.
 */
export function shellQuote(text: string): string {
  if (text === '') return "''";
  if (/^[-_.+A-Za-z0-9/]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'"'"'`)}'`.replace(/^''|''$/g, '');
}
