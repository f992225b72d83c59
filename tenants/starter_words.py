"""The templates' words in the other languages of the tablet.

TEXTS: language → template → text of the page. LABELS: language → kind of field, or
"template:place" where one field of a template says something of its own → label.
"""

TEXTS: dict[str, dict[str, dict[str, str]]] = {
    "nl": {
        "newsletter": {
            "headline": "Als eerste op de hoogte",
            "intro": "Nieuwtjes en af en toe iets lekkers, in je inbox.",
            "submit_label": "Inschrijven",
            "thank_you_title": "Je staat op de lijst!",
            "thank_you_text": "We schrijven als er iets te vertellen is.",
        },
        "loyalty-club": {
            "headline": "Word lid van de club",
            "intro": "Een verrassing op je verjaardag, en punten vanaf vandaag.",
            "submit_label": "Nu lid worden",
            "thank_you_title": "Welkom bij de club!",
            "thank_you_text": "Je kaart komt eraan per e-mail.",
        },
        "wifi-and-prize-draw": {
            "headline": "Wifi voor jou, en misschien een prijs",
            "intro": "Elke maand trekken we een winnaar uit alle aanmeldingen.",
            "submit_label": "Ik doe mee",
            "thank_you_title": "Veel geluk!",
            "thank_you_text": "De wifi-code staat op het kaartje bij de kassa.",
        },
    },
    "de": {
        "newsletter": {
            "headline": "Zuerst erfahren",
            "intro": "Neues und ab und zu eine kleine Freude, per E-Mail.",
            "submit_label": "Abonnieren",
            "thank_you_title": "Du stehst auf der Liste!",
            "thank_you_text": "Wir schreiben, wenn es sich lohnt.",
        },
        "loyalty-club": {
            "headline": "Komm in den Club",
            "intro": "Eine Überraschung zum Geburtstag, und Punkte ab heute.",
            "submit_label": "Jetzt beitreten",
            "thank_you_title": "Willkommen im Club!",
            "thank_you_text": "Deine Karte kommt per E-Mail.",
        },
        "wifi-and-prize-draw": {
            "headline": "WLAN für dich, und vielleicht ein Gewinn",
            "intro": "Jeden Monat ziehen wir unter allen Anmeldungen einen Gewinn.",
            "submit_label": "Ich mache mit",
            "thank_you_title": "Viel Glück!",
            "thank_you_text": "Der WLAN-Code steht auf der Karte an der Kasse.",
        },
    },
    "fr": {
        "newsletter": {
            "headline": "Les premiers à savoir",
            "intro": "Des nouveautés et de petites attentions, de temps en temps par e-mail.",
            "submit_label": "S’abonner",
            "thank_you_title": "C’est noté !",
            "thank_you_text": "Nous écrirons quand cela en vaudra la peine.",
        },
        "loyalty-club": {
            "headline": "Rejoignez le club",
            "intro": "Une surprise pour votre anniversaire, et des points dès aujourd’hui.",
            "submit_label": "Rejoindre",
            "thank_you_title": "Bienvenue au club !",
            "thank_you_text": "Votre carte arrive par e-mail.",
        },
        "wifi-and-prize-draw": {
            "headline": "Le Wi-Fi pour vous, et peut-être un prix",
            "intro": "Chaque mois, nous tirons au sort parmi tous les inscrits.",
            "submit_label": "Je participe",
            "thank_you_title": "Bonne chance !",
            "thank_you_text": "Le code Wi-Fi est sur la carte à côté de la caisse.",
        },
    },
    "es": {
        "newsletter": {
            "headline": "Entérate antes que nadie",
            "intro": "Novedades y algún detalle de vez en cuando, en tu correo.",
            "submit_label": "Suscribirme",
            "thank_you_title": "¡Estás en la lista!",
            "thank_you_text": "Escribiremos cuando haya algo que contar.",
        },
        "loyalty-club": {
            "headline": "Únete al club",
            "intro": "Un detalle en tu cumpleaños, y puntos desde hoy.",
            "submit_label": "Unirme ahora",
            "thank_you_title": "¡Te damos la bienvenida al club!",
            "thank_you_text": "Tu tarjeta llega por correo electrónico.",
        },
        "wifi-and-prize-draw": {
            "headline": "Wifi para ti, y quizá un premio",
            "intro": "Cada mes sorteamos un premio entre todas las inscripciones.",
            "submit_label": "Participar",
            "thank_you_title": "¡Suerte!",
            "thank_you_text": "El código del wifi está en la tarjeta junto a la caja.",
        },
    },
}

LABELS: dict[str, dict[str, str]] = {
    "nl": {
        "first_name": "Voornaam",
        "last_name": "Achternaam",
        "email": "E-mail",
        "birthday": "Verjaardag",
        "mobile": "Mobiel nummer",
        "postcode": "Postcode",
        "heard_from": "Hoe heb je ons gevonden?",
        "yes_no": "Heb je een van onze papieren kaarten?",
        "loyalty_number": "Het nummer",
        "consent": "Ja, stuur mij nieuws en aanbiedingen per e-mail. Afmelden kan altijd.",
        "loyalty-club:4:help": "Voor je verjaardagsverrassing. Het jaar hoeven we niet te weten.",
        "loyalty-club:8": "Ja, stuur mij mijn clubvoordeel en een verjaardagsverrassing per "
        "e-mail. Afmelden kan altijd.",
        "loyalty-club:9": "Ik heb de regels van de club gelezen.",
        "wifi-and-prize-draw:4": "Ik ben 18 of ouder en ga akkoord met de regels van de trekking.",
    },
    "de": {
        "first_name": "Vorname",
        "last_name": "Nachname",
        "email": "E-Mail",
        "birthday": "Geburtstag",
        "mobile": "Handynummer",
        "postcode": "Postleitzahl",
        "heard_from": "Wie hast du von uns erfahren?",
        "yes_no": "Hast du eine unserer Papierkarten?",
        "loyalty_number": "Ihre Nummer",
        "consent": "Ja, schickt mir Neues und Angebote per E-Mail. Ich kann mich jederzeit "
        "abmelden.",
        "loyalty-club:4:help": "Für die Überraschung zum Geburtstag. Das Jahr geht niemanden an.",
        "loyalty-club:8": "Ja, schickt mir meine Clubvorteile und eine Geburtstagsüberraschung "
        "per E-Mail. Ich kann mich jederzeit abmelden.",
        "loyalty-club:9": "Ich habe die Regeln des Clubs gelesen.",
        "wifi-and-prize-draw:4": "Ich bin 18 oder älter und nehme die Regeln der Verlosung an.",
    },
    "fr": {
        "first_name": "Prénom",
        "last_name": "Nom",
        "email": "E-mail",
        "birthday": "Anniversaire",
        "mobile": "Téléphone portable",
        "postcode": "Code postal",
        "heard_from": "Comment nous avez-vous connus ?",
        "yes_no": "Avez-vous une de nos cartes en papier ?",
        "loyalty_number": "Son numéro",
        "consent": "Oui, envoyez-moi des nouvelles et des offres par e-mail. Je peux me "
        "désinscrire à tout moment.",
        "loyalty-club:4:help": "Pour votre surprise. L’année ne regarde personne.",
        "loyalty-club:8": "Oui, envoyez-moi mes offres du club et une surprise d’anniversaire par "
        "e-mail. Je peux me désinscrire à tout moment.",
        "loyalty-club:9": "J’ai lu le règlement du club.",
        "wifi-and-prize-draw:4": "J’ai 18 ans ou plus et j’accepte le règlement du tirage.",
    },
    "es": {
        "first_name": "Nombre",
        "last_name": "Apellidos",
        "email": "Correo electrónico",
        "birthday": "Cumpleaños",
        "mobile": "Teléfono móvil",
        "postcode": "Código postal",
        "heard_from": "¿Cómo nos conociste?",
        "yes_no": "¿Tienes una de nuestras tarjetas de papel?",
        "loyalty_number": "Su número",
        "consent": "Sí, enviadme novedades y ofertas por correo electrónico. Puedo darme de baja "
        "cuando quiera.",
        "loyalty-club:4:help": "Para tu detalle de cumpleaños. El año no hace falta.",
        "loyalty-club:8": "Sí, enviadme mis ventajas del club y un detalle de cumpleaños por "
        "correo electrónico. Puedo darme de baja cuando quiera.",
        "loyalty-club:9": "He leído las normas del club.",
        "wifi-and-prize-draw:4": "Tengo 18 años o más y acepto las normas del sorteo.",
    },
}
