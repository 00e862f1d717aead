/** Completion on the magic's line: the parser's own options and values, without a kernel. */
import type {
  CompletionHandler,
  ICompletionContext,
  ICompletionProvider
} from '@jupyterlab/completer';
import { Text } from '@codemirror/state';

import type { Grammar } from './grammar';
import { headOf } from './line';

/** A kernel's own completion says the same, and knows of variables besides. */
const RANK = 600;
const COMPARE = '--compare';
/** Names another model. */
const OTHERWISE = '--else';

export class LineCompletion implements ICompletionProvider {
  constructor(private readonly grammar: Grammar) {}

  readonly identifier = '@asksage/jupyter:prompt';
  readonly rank = RANK;
  readonly renderer = null;

  async isApplicable({ editor }: ICompletionContext): Promise<boolean> {
    const text = editor?.model.sharedModel.getSource() ?? '';
    const found = headOf(Text.of(text.split('\n')));
    const at = editor?.getOffsetAt(editor.getCursorPosition()) ?? 0;
    if (!found || at <= found.nameTo || at > found.to) {
      return false;
    }
    await this.grammar.load();
    return this.grammar.options(found.magic) !== null;
  }

  fetch({
    text,
    offset
  }: CompletionHandler.IRequest): Promise<CompletionHandler.ICompletionItemsReply> {
    const items = candidates(text.slice(0, offset), this.grammar);
    const start = offset - (/\S*$/.exec(text.slice(0, offset))?.[0].length ?? 0);
    return Promise.resolve({ start, end: offset, items });
  }
}

/** What may stand at the end of a text that begins with the magic. */
export function candidates(
  before: string,
  grammar: Pick<Grammar, 'options' | 'models' | 'cost'>
): CompletionHandler.ICompletionItem[] {
  const found = headOf(Text.of(before.split('\n')));
  if (!found) {
    return [];
  }
  const options = grammar.options(found.magic) ?? [];
  const words = before.slice(found.nameTo).split(/\s+/).slice(1);
  const word = words.pop() ?? '';
  const [name, begun] = splitOnce(word, '=');
  const previous = words.at(-1);
  const option = options.find(each => each.name === (begun === undefined ? previous : name));
  const models = found.magic === 'asksage' ? grammar.models : [];
  let labels: readonly string[];
  if (option?.name === COMPARE) {
    const named = (begun ?? word).split(',').slice(0, -1);
    const lead = word.slice(0, word.length - ((begun ?? word).split(',').at(-1)?.length ?? 0));
    labels = models.filter(model => !named.includes(model)).map(model => lead + model);
  } else if (option?.takes) {
    labels = (option.name === OTHERWISE ? models : option.values).map(value =>
      begun === undefined ? value : `${name}=${value}`
    );
  } else if (word.startsWith('-')) {
    return options
      .filter(each => each.name.startsWith(word))
      .map(({ name, help }) => ({ label: name, type: 'option', documentation: help }));
  } else {
    labels = models;
  }
  return labels
    .filter(label => label.startsWith(word))
    .map(label => {
      const documentation = grammar.cost(label.slice(label.search(/[^,=]*$/)));
      return documentation ? { label, documentation } : { label };
    });
}

function splitOnce(text: string, sign: string): [string, string | undefined] {
  const at = text.indexOf(sign);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
