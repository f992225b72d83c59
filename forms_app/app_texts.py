"""What a paired tablet says to shoppers beside its page, in the five languages of the product."""

APP_TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "offline": (
            "No connection right now. Signing up works: it is kept safe here and "
            "sent later."
        ),
        "failed": "Sorry, this tablet can’t save anything right now. Please ask at the till.",
        "closed_title": "See you soon",
        "closed_text": "We are closed at the moment.",
        "opens": "Open again {when}",
    },
    "nl": {
        "offline": (
            "Nu geen verbinding. Aanmelden kan gewoon: het wordt hier veilig "
            "bewaard en later verstuurd."
        ),
        "failed": "Sorry, deze tablet kan nu niets bewaren. Vraag het even aan de kassa.",
        "closed_title": "Tot gauw",
        "closed_text": "We zijn op dit moment gesloten.",
        "opens": "Weer open {when}",
    },
    "de": {
        "offline": (
            "Gerade keine Verbindung. Anmelden geht trotzdem: Es bleibt hier "
            "sicher und wird später gesendet."
        ),
        "failed": "Dieses Tablet kann gerade nichts speichern. Bitte fragen Sie an der Kasse.",
        "closed_title": "Bis bald",
        "closed_text": "Wir haben gerade geschlossen.",
        "opens": "Wieder geöffnet: {when}",
    },
    "fr": {
        "offline": (
            "Pas de connexion pour l’instant. L’inscription fonctionne : elle est "
            "gardée ici en sécurité et envoyée plus tard."
        ),
        "failed": (
            "Désolé, cette tablette ne peut rien enregistrer pour l’instant. "
            "Adressez-vous à la caisse."
        ),
        "closed_title": "À bientôt",
        "closed_text": "Nous sommes fermés pour le moment.",
        "opens": "Réouverture : {when}",
    },
    "es": {
        "offline": (
            "Ahora no hay conexión. Puede registrarse igual: se guarda aquí de "
            "forma segura y se envía después."
        ),
        "failed": "Lo sentimos, esta tableta no puede guardar nada ahora. Pregunte en la caja.",
        "closed_title": "Hasta pronto",
        "closed_text": "Ahora estamos cerrados.",
        "opens": "Abrimos de nuevo: {when}",
    },
}  # fmt: skip
