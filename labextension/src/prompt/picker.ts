/** Which model answers a prompt: a native list, that writes the name where a person would. */
import type { EditorView } from '@codemirror/view';
import type { IDisposable } from '@lumino/disposable';

import { head } from './editor';
import type { Grammar } from './grammar';
import { type IWord, wordsOf } from './line';

export class Picker implements IDisposable {
  constructor(
    private readonly view: EditorView,
    private readonly grammar: Grammar
  ) {
    this.node.className = 'jp-asksage-picker';
    this.node.setAttribute('aria-label', 'Model');
    // The list is filled when somebody opens it: 90 models in 100 cells would be 9,000 elements.
    this.node.onfocus = this.node.onpointerdown = () => this.fill();
    this.node.onchange = () => this.choose(this.node.value);
    grammar.changed.connect(this.update, this);
    this.update();
  }

  /** Show the model that is on the line, or that answers where none is. */
  update(): void {
    const named = this.named?.text ?? '';
    const isOffered = this.grammar.models.length > 0;
    this.node.hidden = !isOffered || this.isElsewhere;
    const words = named || this.unnamed;
    const cost = this.grammar.cost(named || this.default || this.guessed);
    this.node.disabled = this.view.state.readOnly;
    this.node.title = ['The model that answers', cost].filter(Boolean).join(': ');
    this.node.replaceChildren(new Option(words, named, true, true));
    if (document.activeElement === this.node) {
      this.fill();
    }
  }

  /** Tell which model is priced where none is named or set: the one that was asked last. */
  guess(model: string): void {
    const guessed = this.named ? '' : model;
    if (guessed !== this.guessed) {
      this.guessed = guessed;
      this.update();
    }
  }

  /** Tell which model the kernel is set to, if any is. */
  set(model: string): void {
    if (model !== this.kernels) {
      this.kernels = model;
      this.update();
    }
  }

  get isDisposed(): boolean {
    return !this.node.isConnected;
  }

  dispose(): void {
    this.grammar.changed.disconnect(this.update, this);
  }

  private fill(): void {
    const { models } = this.grammar;
    const named = this.named?.text ?? '';
    if (this.node.options.length > 1) {
      return;
    }
    const others = models.filter(model => model !== named).map(model => new Option(model, model));
    const none = named ? [new Option(this.unnamed, '')] : [];
    this.node.append(...none, ...others);
  }

  /** Put the name first on the line, in place of another, in one step of undo. */
  private choose(model: string): void {
    const found = this.view.state.field(head);
    if (!found) {
      return;
    }
    const before = this.named;
    const from = before ? before.from - 1 : found.nameTo;
    const changes = { from, to: before?.to ?? from, insert: model && ` ${model}` };
    this.view.dispatch({ changes, userEvent: 'input' });
    this.update();
  }

  private get named(): IWord | undefined {
    return this.words.find(({ kind }) => kind === 'model');
  }

  /** Whether other words say which models answer, or that none does. */
  private get isElsewhere(): boolean {
    const { state } = this.view;
    return (
      state.field(head)?.magic !== 'asksage' ||
      this.words.some(({ text }) => /^--(compare|plugin)\b/.test(text))
    );
  }

  private get words(): readonly IWord[] {
    const { state } = this.view;
    const found = state.field(head);
    return found ? wordsOf(state.doc, found, this.grammar.options(found.magic)) : [];
  }

  private get default(): string {
    return this.kernels || this.grammar.model;
  }

  private get unnamed(): string {
    if (this.default) {
      return `${this.default} (default)`;
    }
    return this.guessed ? `${this.guessed} (used last)` : 'Choose a model';
  }

  readonly node = document.createElement('select');
  private guessed = '';
  private kernels = '';
}
