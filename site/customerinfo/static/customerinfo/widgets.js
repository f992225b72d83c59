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
    const { by, of, with: options } = this.element.dataset;
    this.element.remove(); // once, also when the field is moved about
    STARTS[by](of, JSON.parse(options));
  }
}

window.wagtail.app.register("field-start", FieldStart);
