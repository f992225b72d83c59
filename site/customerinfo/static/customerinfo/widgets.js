/* Starts Wagtail's fields for dates, pictures and pages, wherever and whenever they appear: see
   customerinfo/wagtail_widgets.py. */

const STARTS = {
  initDateChooser: (...told) => window.initDateChooser(...told),
  initTimeChooser: (...told) => window.initTimeChooser(...told),
  initDateTimeChooser: (...told) => window.initDateTimeChooser(...told),
  ImageChooser: (...told) => new window.ImageChooser(...told),
  PageChooser: (...told) => new window.PageChooser(...told),
};

class FieldStart extends window.StimulusModule.Controller {
  connect() {
    if (this.isStarted) return; // it was moved about, with its field
    this.isStarted = true;
    const { by, of, with: options } = this.element.dataset;
    STARTS[by](of, JSON.parse(options));
  }
}

window.wagtail.app.register("field-start", FieldStart);
