import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { type MeterModel, statusLine } from './model';
import type { Preferences } from './preferences';

/** One quiet line in the status bar; it opens the sidebar. */
export class StatusItem extends ReactWidget {
  constructor(
    private readonly model: MeterModel,
    private readonly preferences: Preferences,
    private readonly open: () => void
  ) {
    super();
    this.addClass('jp-asksage-StatusItem');
    model.changed.connect(() => this.update(), this);
  }

  protected render(): React.JSX.Element {
    const { state } = this.model;
    return (
      <button
        type="button"
        lang="en"
        dir="ltr"
        data-asksage="status"
        data-level={state.balance?.status.level ?? 'unknown'}
        data-stale={state.trouble !== null}
        title={state.balance?.status.details ?? state.trouble?.message}
        onClick={this.open}
      >
        {statusLine(state, this.preferences.shows)}
      </button>
    );
  }
}
