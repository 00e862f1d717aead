/** A model, an option, a date: a browser breaks a line behind any hyphen, and a copy is to have that one. */
const NAME =
  /(?<![\p{L}\p{N}_.:@/-])(?=[\p{L}\p{N}_.:@/]{0,39}-)(-{0,2}[\p{L}\p{N}_](?:[\p{L}\p{N}_.:@/-]{0,38}[\p{L}\p{N}_])?)(?![\p{L}\p{N}_-])/u;

/** Of the style sheet: what is not broken. */
export const WHOLE = 'jp-asksage-whole';

/** Words in parts, every second of which is a name that is not to be broken at its hyphens. */
export function parted(words: string): string[] {
  return words.split(NAME);
}
