"""What is known of a form: `form.toml`, its fields in millimeters, and the rules of what may be written in them.

load --TOML--> mistakes, model --> rules (of one field), equations (between fields)
"""

from scanner.form.load import form_schema, load_form
from scanner.form.model import MOST_CELLS, MOST_PAGES, Form, FormField, Rule, Sheet, usable_name
from scanner.form.write import form_text

__all__ = [
    "MOST_CELLS",
    "MOST_PAGES",
    "Form",
    "FormField",
    "Rule",
    "Sheet",
    "form_schema",
    "form_text",
    "load_form",
    "usable_name",
]
