"""What a paired tablet says to shoppers beside its page, in the five languages of the product."""

APP_TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "offline": "No connection. Signing up works all the same.",
        "failed": "Signing up works only while there is a connection.",
        "closed_title": "See you soon",
        "closed_text": "We are closed at the moment.",
        "opens": "Open again {when}",
    },
    "nl": {
        "offline": "Geen verbinding. Aanmelden kan gewoon.",
        "failed": "Aanmelden kan alleen met verbinding.",
        "closed_title": "Tot gauw",
        "closed_text": "We zijn op dit moment gesloten.",
        "opens": "Weer open {when}",
    },
    "de": {
        "offline": "Keine Verbindung. Anmelden geht trotzdem.",
        "failed": "Anmelden geht nur mit Verbindung.",
        "closed_title": "Bis bald",
        "closed_text": "Wir haben gerade geschlossen.",
        "opens": "Wieder geöffnet: {when}",
    },
    "fr": {
        "offline": "Pas de connexion. L’inscription fonctionne quand même.",
        "failed": "L’inscription ne fonctionne qu’avec une connexion.",
        "closed_title": "À bientôt",
        "closed_text": "Nous sommes fermés pour le moment.",
        "opens": "Réouverture : {when}",
    },
    "es": {
        "offline": "Sin conexión. Puede registrarse igual.",
        "failed": "Solo puede registrarse con conexión.",
        "closed_title": "Hasta pronto",
        "closed_text": "Ahora estamos cerrados.",
        "opens": "Abrimos de nuevo: {when}",
    },
}
