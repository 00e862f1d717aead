/** A prompt cell's first line, read as the magic reads it: where it is, and what its words are. */
import type { Text } from '@codemirror/state';

/** Which magic begins the cell. */
export type Magic = 'asksage' | 'asksage_train';

export interface IHead {
  readonly magic: Magic;
  /** Where the magic's name begins and ends, and where its line does. */
  readonly from: number;
  readonly nameTo: number;
  readonly to: number;
}

/** An option of a magic's line, as the parser in Python has it. */
export interface IOption {
  readonly name: string;
  /** Whether a value stands behind it. */
  readonly takes: boolean;
  /** The values it may have; empty where too many to list. */
  readonly values: readonly string[];
  readonly help: string;
}

export type Kind = 'option' | 'unknown' | 'value' | 'model' | 'text';

export interface IWord {
  readonly kind: Kind;
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

/** IPython drops blank lines and indentation before a magic. */
const HEAD = /^(?:[^\S\n]*\n)*[^\S\n]*%%(asksage(?:_train)?)(?=\s|$)/;
const BEFORE = 4_096; // characters in which it must begin

/** The words, as `prompting/parser.py` has them: quotes hold together, a backslash is an ordinary character. */
const NAME = '(?:(?:--)?[\\w-]+=)?';
const WORD = new RegExp(
  `${NAME}(["'])(?:(?!\\1)[^\\\\]|\\\\(?!\\1))*(?:\\\\\\1(?:(?!\\1)[^\\\\]|\\\\(?!\\1))*\\\\\\1(?:(?!\\1)[^\\\\]|\\\\(?!\\1))*)+\\1(?=\\s|$)` +
    `|${NAME}(?:(["'])(?:.*?)\\2(?=\\s|$)|[“„].*?[”“](?=\\s|$)|[‘‚].*?[’‘](?=\\s|$))|\\S+`,
  'gu'
);
const OPTION = /^--?[A-Za-z][\w-]*(?==|$)/;

/** The magic that a cell begins with; null where it begins with none of ours. */
export function headOf(doc: Text): IHead | null {
  const found = HEAD.exec(doc.sliceString(0, BEFORE));
  if (!found) {
    return null;
  }
  const magic = found[1] as Magic;
  const nameTo = found[0].length;
  return { magic, from: nameTo - magic.length - 2, nameTo, to: doc.lineAt(nameTo).to };
}

/** The words behind the magic's name; without `options` none is known to be misspelt, or a model. */
export function wordsOf(doc: Text, head: IHead, options: readonly IOption[] | null): IWord[] {
  const words: IWord[] = [];
  let awaited = false; // a value of the option before
  let isNamed = false;
  for (const found of doc.sliceString(head.nameTo, head.to).matchAll(WORD)) {
    const text = found[0];
    const name = OPTION.exec(text)?.[0];
    const known = options?.find(each => each.name === name);
    let kind: Kind = 'text';
    if (awaited) {
      kind = 'value';
      awaited = false;
    } else if (name) {
      kind = options && !known ? 'unknown' : 'option';
      awaited = known?.takes === true && text === name;
    } else if (options && !isNamed) {
      kind = 'model';
      isNamed = true;
    }
    const from = head.nameTo + found.index;
    words.push({ kind, text, from, to: from + text.length });
  }
  return words;
}
