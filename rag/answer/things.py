"""Nouns for things that can be named or pointed at, as patterns, and questions that ask for one: "which court …".

An article is one of a law only before "of": "which article mentions boats" asks for a document.
"""

ROLES = (
    r"(?-i:generals?)(?! \w+(?:al|ous|ic|ive)\b)|admirals?|colonels?|commanders?|officers?|presidents?|"
    "(?:prime )?ministers?|secretary|ambassadors?|envoys?|senators?|leaders?|politicians?|journalists?|authors?|"
    "scientists?|researchers?|engineers?|founders?|kings?|queens?|person|people|man|woman|players?|diplomat|analyst|expert"
)
BODIES = (
    "compan(?:y|ies)|firms?|corporations?|universit(?:y|ies)|colleges?|institutes?|academ(?:y|ies)|schools?|hospitals?|"
    "banks?|newspapers?|magazines?|think tanks?|manufacturers?|contractors?|vendors?|suppliers?|ministry|ministries|"
    "departments?|agenc(?:y|ies)|committees?|commissions?|councils?|parliaments?|teams?|regiments?|"
    "brigades?|battalions?|squadrons?|alliance|organi[sz]ation|institution|forum|"
    "(?:terrorist|militant|rebel|armed|extremist|insurgent|hacker) (?:groups?|organi[sz]ations?|networks?)"
)
THINGS = (
    "apps?|software|programs?|brands?|models?|laws?|treat(?:y|ies)|ships?|vessels?|aircraft|drones?|weapons?|missiles?|"
    "tanks?|satellites?|standards?|protocols?|books?|films?|songs?|albums?|platforms?|websites?|operation|exercise|"
    "mission|agreement|conflict|campaign|summit|conference|"
    "battles?|wars?|bases?|currenc(?:y|ies)|languages?|prizes?|awards?|medals?|rivers?|seas?|straits?"
)
# Things that are seldom called by a name.
NAMELESS = (
    r"courts?|tribunals?|resolutions?|(?:articles?|clauses?|paragraphs?)(?= of\b)|penalt(?:y|ies)|"
    "fines?|punishments?|ranks?|"
    "religions?|treatments?|medicines?|vaccines?|drugs?|diseases?|uniforms?|vehicles?|prisons?|hotels?|roads?|bridges?|"
    "buildings?|fuels?|tax(?:es)?|insurance|scholarships?|grants?|loans?|licen[cs]es?|passwords?|museums?|part(?:y|ies)"
)
COUNTRIES = "countr(?:y|ies)|nations?|governments?"
TOWNS = "cit(?:y|ies)|towns?|villages?|airports?|ports?|islands?|capitals?|provinces?"
# What those do, or did, who have a name.
DID = (
    r"leads|heads|chairs|commands|runs|directs|pays|owns|funds|finances|manufactures|makes|builds|supplies|sells|"
    r"appoints|signs|led|ran|won|paid|made|built|held|taught|bought|sold|wrote|sang|took|gave|said|drew|began|came|"
    r"went|fought|brought|put|set|sent|spoke|got|became|lost|found|left|met|chose|broke|told|shot|threw|flew|drove|stood|"
    r"(?!use|involv|need|suppos|allow)\w{3,}ed|(?:is|was) (?:the|in charge)"
)
# A word between "which" and the noun that says what is asked for.
PLAIN = (
    r"(?!(?:between|of|in|for|to|by|that|is|are|was|were|do|does|did|has|have|from|with|type|kind|sort|makes?|made|can|"
    r"could|will|would|should|may|might|must|led|drove|lets?|gave)\b)[\w-]+"
)
ADJECTIVE = rf"(?!\w+(?:s|ed)\b){PLAIN}"


def which(nouns: str, between: int = 2) -> str:
    """Questions for one of these things, without brackets around; "which president's views" is none of them."""
    adjective = rf"(?-i:[A-Z]\w+) |{ADJECTIVE} "
    return rf"(?:which (?:{PLAIN} ){{0,{between}}}?|what (?:{adjective})?)(?P<asked>{nouns})\b(?!['’])"
