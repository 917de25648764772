//! Reports for people: HTML, PDF, notebook.
