/** The line below a prompt: the model that answers, what it will cost, and what it was billed. */
import { type EditorState, type Extension } from '@codemirror/state';
import { type EditorView, type Panel, showPanel, type ViewUpdate } from '@codemirror/view';
import type { ISignal } from '@lumino/signaling';

import { Coalesced } from '../coalesced';
import { count, type Footings, type IPlace, onRun } from '../kernel';
import { parted, WHOLE } from '../unbroken';
import { type Counted, type IPrices, type Price, WireError } from '../wire';
import { head } from './editor';
import type { Grammar } from './grammar';
import { Picker } from './picker';

/** The price follows the last keystroke by this. */
const PAUSE_MS = 300;

/** What a cell's model tells of its outputs, for a bill that was saved with them. */
export interface IOutputs {
  readonly changed: ISignal<unknown, unknown>;
  readonly length: number;
  get(index: number): { readonly metadata: { readonly asksage?: unknown } };
}

export interface ITagParts {
  readonly desk: Pick<IPrices, 'estimate'>;
  readonly grammar: Grammar;
  /** Emitted when there is another balance; null where nobody knows it. */
  readonly changed: ISignal<unknown, void> | null;
  readonly footings: Footings;
  /** Where an editor stands. */
  place(node: Node): IPlace;
}

/** The line below each prompt; there from the first keystroke on, so that nothing jumps. */
export function priceTag(parts: ITagParts, outputs: IOutputs | undefined): Extension {
  // One for all of an editor's life: another would draw the line anew at each change.
  const make = (view: EditorView) => new Tag(view, parts, outputs);
  return showPanel.compute([head], state => (state.field(head) ? make : null));
}

let tags = 0;

class Tag implements Panel {
  constructor(
    private readonly view: EditorView,
    private readonly parts: ITagParts,
    private readonly outputs: IOutputs | undefined
  ) {
    this.words.id = `jp-asksage-tag-${++tags}`;
    this.picker = new Picker(view, parts.grammar);
    this.dom.className = 'jp-asksage-Tag';
    this.dom.lang = 'en';
    this.dom.dir = 'ltr';
    this.words.className = 'jp-asksage-price';
    this.bill.className = 'jp-asksage-bill';
    this.spoken.className = 'jp-asksage-unseen';
    this.spoken.setAttribute('aria-live', 'polite');
    this.count.title = 'The kernel counts it: text, numbers and tables; nothing is run or sent';
    this.count.onclick = () => void this.asking(this.counting());
    this.ask.textContent = 'Ask for its rates';
    this.ask.title = 'Asks the service by fixed texts, never by yours; costs nothing';
    this.ask.onclick = () => void this.asking(this.read(true));
    for (const button of [this.count, this.ask]) {
      button.type = 'button';
      button.hidden = true;
    }
    // Else a letter that looks a model up would be a command of the notebook's: x cuts the cell.
    this.dom.setAttribute('data-lm-suppress-shortcuts', 'true');
    // The notebook takes the focus and the keys in here for the editor's, and gives them back to it.
    this.dom.addEventListener('focusin', event => event.stopPropagation());
    this.dom.addEventListener('keydown', event => {
      event.stopPropagation();
      if (event.key === 'Escape') {
        this.view.focus();
      }
    });
    this.dom.append(this.picker.node, this.words, this.count, this.ask, this.bill, this.spoken);
  }

  mount(): void {
    this.view.contentDOM.setAttribute('aria-describedby', this.words.id);
    this.outputs?.changed.connect(this.showBill, this);
    this.parts.changed?.connect(this.onBalance, this);
    this.parts.footings.changed.connect(this.onFooting, this);
    this.showBill();
    if (this.view.hasFocus) {
      this.soon(PAUSE_MS);
    }
  }

  update({ docChanged, focusChanged, state, startState }: ViewUpdate): void {
    // Only where somebody writes, or wrote: to open a notebook of many prompts asks for nothing.
    if (docChanged && (this.view.hasFocus || this.isShown)) {
      this.soon(PAUSE_MS);
    } else if (focusChanged && this.view.hasFocus) {
      this.again();
    }
    const isOther = lineOf(state) !== lineOf(startState);
    if ((docChanged && isOther) || state.readOnly !== startState.readOnly) {
      this.picker.update();
    }
  }

  destroy(): void {
    clearTimeout(this.timer);
    this.isOver = true;
    this.stop();
    this.picker.dispose();
    this.outputs?.changed.disconnect(this.showBill, this);
    this.parts.changed?.disconnect(this.onBalance, this);
    this.parts.footings.changed.disconnect(this.onFooting, this);
    this.view.contentDOM.removeAttribute('aria-describedby');
  }

  private soon(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.reader.run(), ms);
  }

  /** A call may have taught the rates, too. */
  private onBalance(): void {
    if (this.isShown && (this.view.hasFocus || !this.ask.hidden || this.counted)) {
      this.again();
    }
  }

  private onFooting(): void {
    if (this.isShown && this.view.hasFocus) {
      this.again();
    }
  }

  private again(): void {
    this.asked = null;
    this.soon(0);
  }

  /** What a button does, which is gone when it has done it: who used the keyboard goes on writing. */
  private async asking(job: Promise<void>): Promise<void> {
    const hadFocus = document.activeElement;
    await job;
    this.spoken.textContent = this.words.textContent;
    if (hadFocus instanceof HTMLButtonElement && hadFocus.hidden) {
      this.view.focus();
    }
  }

  private async counting(): Promise<void> {
    const source = this.view.state.doc.toString();
    const { kernel } = this.parts.place(this.dom);
    try {
      const told = await count(kernel, source);
      this.stop();
      this.counted = { source, told };
      this.stop = kernel ? onRun(kernel, 'begin', () => this.uncount()) : () => undefined;
      this.asked = null;
      await this.read(false);
    } catch (error) {
      const words = (error as Error).message;
      this.asked = null;
      this.show({ ...NOTHING, level: 'amber', words, count: this.count.textContent });
    }
  }

  private uncount(): void {
    this.counted = null;
    this.again();
  }

  private async read(ask: boolean): Promise<void> {
    const source = this.view.state.doc.toString();
    if (this.isOver || (source === this.asked && !ask)) {
      return;
    }
    const { desk, footings, grammar, place } = this.parts;
    const turn = ++this.turn;
    try {
      const { path, kernel } = place(this.dom);
      const [counted, footing] = [this.countedOf(source), footings.of(kernel)];
      const price = await desk.estimate(source, { ask, path, counted, footing });
      if (turn !== this.turn) {
        return; // what was asked after it knows more, as what was counted meanwhile
      }
      this.asked = source;
      this.picker.set(footing?.model ?? '');
      this.show(price);
      if (!grammar.models.length) {
        void grammar.again(); // a kernel may have heard of them by now
      }
    } catch (error) {
      if (turn !== this.turn) {
        return;
      }
      if (error instanceof WireError && error.kind === 'refused') {
        this.show({ ...NOTHING, level: 'amber', words: error.message });
      } else {
        this.show(null);
      }
    }
  }

  /** What was counted, as far as it is of this text: a plan, and a reply, are of the text as it was. */
  private countedOf(source: string): Counted | null {
    const { told } = this.counted ?? {};
    if (!told || this.counted?.source === source) {
      return told ?? null;
    }
    return told.plan === null ? { ...told, is_kept: false } : null;
  }

  private show(price: Price | null): void {
    if (this.isOver) {
      return;
    }
    const { level, words, details, ask, count, model } = price ?? NOTHING;
    // The words tell it too; they are spoken when it becomes grave, and not at each keystroke.
    if (level !== this.dom.dataset.level) {
      this.spoken.textContent = level === 'quiet' ? '' : words;
    }
    this.isShown = true;
    this.dom.dataset.level = level;
    this.words.replaceChildren(...unbroken(words));
    this.words.title = details;
    this.ask.hidden = ask.length === 0;
    this.count.textContent = count;
    this.count.hidden = !count;
    this.picker.guess(model);
  }

  private showBill(): void {
    const words = billOf(this.outputs);
    if (words !== this.bill.textContent) {
      this.bill.textContent = words;
      if (this.isShown) {
        this.again(); // its reply may be kept by now, and its rates be known better
      }
    }
  }

  readonly dom = document.createElement('div');
  private readonly words = document.createElement('span');
  private readonly count = document.createElement('button');
  private readonly ask = document.createElement('button');
  private readonly bill = document.createElement('span');
  private readonly spoken = document.createElement('span');
  private readonly picker: Picker;
  private readonly reader = new Coalesced(() => this.read(false));
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked: string | null = null;
  private turn = 0;
  private counted: { readonly source: string; readonly told: Counted } | null = null;
  private stop = (): void => undefined;
  private isShown = false;
  private isOver = false;
}

/** The words as they are shown: an option of them does not break at its hyphens. */
function unbroken(words: string): (string | Node)[] {
  return parted(words).map((part, n) => {
    if (n % 2 === 0) {
      return part;
    }
    const name = document.createElement('span');
    name.className = WHOLE;
    name.textContent = part;
    return name;
  });
}

const NOTHING: Price = { level: 'quiet', words: '', details: '', model: '', ask: [], count: '' };

function lineOf(state: EditorState): string {
  const found = state.field(head);
  return found ? state.doc.sliceString(found.nameTo, found.to) : '';
}

/** What the kernel wrote beside a cell's output: saved with it, and gone with it. */
function billOf(outputs: IOutputs | undefined): string {
  for (let n = (outputs?.length ?? 0) - 1; n >= 0; n--) {
    const told = outputs?.get(n).metadata.asksage as { words?: unknown } | undefined;
    if (typeof told?.words === 'string') {
      return told.words;
    }
  }
  return '';
}
