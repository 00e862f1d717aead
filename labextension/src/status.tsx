import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { Format } from './format';
import type { MeterModel } from './model';
import type { Preferences } from './preferences';
import { statusDetails, statusLevel, statusLine } from './statusline';

/** One quiet line in the status bar; it opens the sidebar. */
export class StatusItem extends ReactWidget {
  constructor(
    private readonly model: MeterModel,
    private readonly format: Format,
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
        data-asksage="status"
        data-level={statusLevel(state)}
        data-stale={state.trouble !== null}
        title={statusDetails(this.format, state)}
        onClick={this.open}
      >
        {statusLine(this.format, state, this.preferences.shows, new Date())}
      </button>
    );
  }
}
