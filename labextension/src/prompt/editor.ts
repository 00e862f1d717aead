/** What makes an editor of a code cell one of prompts, for as long as its text begins with the magic. */
import { type Language, language } from '@codemirror/language';
import {
  EditorState,
  type Extension,
  Prec,
  type Range,
  StateEffect,
  StateField
} from '@codemirror/state';
import {
  Decoration,
  type DecorationSet,
  EditorView,
  ViewPlugin,
  type ViewUpdate
} from '@codemirror/view';

import type { ISignal } from '@lumino/signaling';

import { plain } from './language';
import { headOf, type IHead, type IOption, type Magic, wordsOf } from './line';

/** Who knows the options of the magics; null before anybody told, which `changed` tells of. */
export interface IOptions {
  options(magic: Magic): readonly IOption[] | null;
  readonly changed: ISignal<unknown, void>;
}

/** Where the magic's line is; null in every other cell. */
export const head = StateField.define<IHead | null>({
  create: state => headOf(state.doc),
  update(value, { docChanged, newDoc }) {
    const found = docChanged ? headOf(newDoc) : value;
    // The same object while it is typed below: what is computed from it is computed once.
    return found?.magic === value?.magic && found?.from === value?.from && found?.to === value?.to
      ? value
      : found;
  }
});

/** Said to an editor when the options have become known. */
const learned = StateEffect.define();

const FRAME = { class: 'jp-asksage-Prompt' };
const WRITING = { class: 'cm-lineWrapping', spellcheck: 'true' };
const LABELS = { asksage: 'Ask Sage prompt', asksage_train: 'Ask Sage training text' };
/** A commented line of a prompt would be sent, and billed. */
const UNCOMMENTED = { commentTokens: {} };

const LINE = Decoration.line({ class: 'jp-asksage-PromptLine' });
const NAME = Decoration.mark({ class: 'jp-asksage-promptMagic' });
const VARIABLE = Decoration.mark({ class: 'jp-asksage-promptVariable' });
const KINDS = Object.fromEntries(
  ['option', 'unknown', 'value', 'model', 'text'].map(kind => [
    kind,
    Decoration.mark({
      class: `jp-asksage-promptWord`,
      attributes: {
        'data-kind': kind,
        ...(kind === 'unknown' && { title: 'There is no such option' })
      }
    })
  ])
);
/** `{name}` as Python's `\w` has it, which JavaScript's does not: any letter of any script. */
const VARIABLES = /(?<!\{)\{(?!_)[\p{L}\p{Nl}][\p{L}\p{M}\p{N}_]*\}/gu;

/** Markdown below the magic's line; every other cell stays what it is. */
export function promptEditor(prompt: Language, known: IOptions): Extension {
  return [
    head,
    Prec.highest(
      language.computeN([head], state => {
        const magic = state.field(head)?.magic;
        return magic ? [magic === 'asksage' ? prompt : plain] : [];
      })
    ),
    // A cell of Python has none before its kernel told; once anybody provides one, there must be one.
    Prec.lowest(language.of(plain)),
    EditorState.languageData.of(state => (state.field(head) ? [UNCOMMENTED] : [])),
    EditorView.editorAttributes.compute([head], state => (state.field(head) ? FRAME : {})),
    EditorView.contentAttributes.compute([head], state => {
      const magic = state.field(head)?.magic;
      return magic ? { ...WRITING, 'aria-label': LABELS[magic] } : {};
    }),
    ViewPlugin.define(view => new Marks(view, known), { decorations: ({ marks }) => marks })
  ];
}

/** The marks on the magic's line, and on the variables in sight. */
class Marks {
  constructor(
    private readonly view: EditorView,
    private readonly known: IOptions
  ) {
    known.changed.connect(this.learn, this);
    this.marks = marksOf(view, known);
  }

  update({ docChanged, viewportChanged, transactions, view }: ViewUpdate): void {
    const isTold = transactions.some(each => each.effects.some(effect => effect.is(learned)));
    if (docChanged || viewportChanged || isTold) {
      this.marks = marksOf(view, this.known);
    }
  }

  destroy(): void {
    this.known.changed.disconnect(this.learn, this);
  }

  private learn(): void {
    this.view.dispatch({ effects: learned.of(null) });
  }

  marks: DecorationSet;
}

function marksOf({ state, visibleRanges }: EditorView, known: IOptions): DecorationSet {
  const found = state.field(head);
  if (!found) {
    return Decoration.none;
  }
  const { doc } = state;
  const marks: Range<Decoration>[] = [
    LINE.range(doc.lineAt(found.from).from),
    NAME.range(found.from, found.nameTo)
  ];
  for (const { kind, from, to } of wordsOf(doc, found, known.options(found.magic))) {
    const mark = KINDS[kind];
    if (mark) {
      marks.push(mark.range(from, to));
    }
  }
  // What is uploaded goes as it is.
  for (const { from, to } of found.magic === 'asksage' ? visibleRanges : []) {
    const begin = Math.max(from, found.to);
    for (const variable of doc.sliceString(begin, to).matchAll(VARIABLES)) {
      const at = begin + variable.index;
      marks.push(VARIABLE.range(at, at + variable[0].length));
    }
  }
  return Decoration.set(marks, true);
}
