/**
 * The language of a prompt cell: the magic's line, and Markdown below it.
 *
 * Markdown is JupyterLab's own, as cells of it have it: code fences and formulas included, and nothing bundled.
 */
import {
  defineLanguageFacet,
  Language,
  languageDataProp,
  ParseContext
} from '@codemirror/language';
import {
  type Input,
  NodeSet,
  NodeType,
  parseMixed,
  Parser,
  type ParseWrapper,
  type PartialParse,
  Tree,
  type TreeFragment
} from '@lezer/common';

const data = defineLanguageFacet();

const CELL = 0;
const BODY = 1;
const nodes = new NodeSet([
  NodeType.define({ id: CELL, name: 'Prompt', top: true, props: [[languageDataProp, data]] }),
  NodeType.define({ id: BODY, name: 'Body' })
]);
const BLOCK = 512;

/** A parse that is done in one step: the first line is not looked into, the rest is one node. */
class WholeParse implements PartialParse {
  constructor(private readonly input: Input) {}

  advance(): Tree {
    const { length } = this.input;
    const body = this.bodyFrom();
    const buffer = body < length ? [BODY, body, length, 4] : [];
    return Tree.build({ buffer, nodeSet: nodes, topID: CELL, length });
  }

  stopAt(): void {
    // It has no steps to stop between.
  }

  readonly parsedPos = 0;
  readonly stoppedAt = null;

  /** Behind the first line that is not blank. */
  private bodyFrom(): number {
    const { length } = this.input;
    let isBlank = true;
    for (let at = 0; at < length; at += BLOCK) {
      const block = this.input.read(at, Math.min(at + BLOCK, length));
      for (let n = 0; n < block.length; n++) {
        if (block[n] === '\n' && !isBlank) {
          return at + n + 1;
        }
        isBlank &&= !block[n]?.trim();
      }
    }
    return length;
  }
}

class PromptParser extends Parser {
  constructor(private readonly wrap: ParseWrapper = parse => parse) {
    super();
  }

  createParse(
    input: Input,
    fragments: readonly TreeFragment[],
    ranges: readonly { from: number; to: number }[]
  ): PartialParse {
    return this.wrap(new WholeParse(input), input, fragments, ranges);
  }
}

/**
 * The language of prompts.
 *
 * @param markdown Comes when JupyterLab has loaded it; the text is parsed again then.
 */
export function promptLanguage(markdown: Promise<Parser | null>): Language {
  let body: Parser | null = null;
  const loaded = markdown.then(found => {
    body = found;
  });
  const wrap = parseMixed(node =>
    node.name === 'Body' ? { parser: body ?? ParseContext.getSkippingParser(loaded) } : null
  );
  return new Language(data, new PromptParser(wrap), [], 'asksage-prompt');
}

/** The language of a cell whose text goes as it is. */
export const plain = new Language(data, new PromptParser(), [], 'asksage-text');
