"""Templates that are written to take for ever, to fill the memory or to break the renderer."""

from collections.abc import Mapping

_BIG = "x" * 400_000
_WORDS = "ab " * 130_000
_LIST = "[" + ",".join(["1"] * 19_000) + "]"
_DEEP = "[" * 400 + "]" * 400

_DOUBLE = "{% assign s = 'xxxxxxxxxx' %}" + "{% assign s = s | append: s %}" * 60
_SQUARE = "{% assign n = 9999999999 %}" + "{% assign n = n | times: n %}" * 40
_NESTED_LOOPS = "{% for a in (1..1000) %}{% for b in (1..1000) %}{{ b }}{% endfor %}{% endfor %}"

HOSTILE: Mapping[str, str] = {
    "a long range is joined": "{{ (1..100000000) | join: ',' }}",
    "a long range is counted": "{{ (1..100000000) | size }}",
    "a range of huge ends": "{{ (1..999999999999999999999999999999) | first }}",
    "a long range is sorted": "{{ (1..50000000) | sort | first }}",
    "a long range is reversed": "{% for i in (1..50000000) reversed %}{% endfor %}",
    "a long range is looked through": "{% if (1..900000000) contains 'a' %}x{% endif %}",
    "a long range in a variable": "{% assign r = (1..900000000) %}{% if r contains 'a' %}{% endif %}",
    "a long empty loop": "{% for i in (1..100000000) %}{% endfor %}",
    "a loop of a range of values": "{% for i in (1..n) %}{{ i }}{% endfor %}",
    "nested loops": _NESTED_LOOPS,
    "nested empty loops": "{% for a in (1..19000) %}{% for b in (1..19000) %}{% endfor %}{% endfor %}",
    "ten nested loops": "{% for i in (1..10) %}" * 10 + "x" + "{% endfor %}" * 10,
    "loops that break off": "{% for a in (1..19000) %}{% break %}{% endfor %}" * 900,
    "loops beside each other": "{% for a in (1..19000) %}{{ a }}{% endfor %}" * 200,
    "nested table rows": "{% tablerow a in (1..9000) %}{% tablerow b in (1..9000) %}x"
    "{% endtablerow %}{% endtablerow %}",
    "a table row of huge columns": "{% tablerow a in (1..9) cols:99999999999999 %}x{% endtablerow %}",
    "a limit beyond numbers": "{% for i in (1..9) limit:99999999999999999999999999 %}{% endfor %}",
    "an offset below zero": "{% for i in (1..9) offset:-99999999999999999999 %}{{i}}{% endfor %}",
    "doubling by append": _DOUBLE + "{{ s }}",
    "doubling by prepend": _DOUBLE.replace("append", "prepend") + "{{ s | size }}",
    "doubling by capture": "{% assign s = 'xxxxxxxxxx' %}"
    + "{% capture s %}{{ s }}{{ s }}{% endcapture %}" * 60,
    "doubling by replace": "{% assign s = 'xxxxxxxxxx' %}"
    + "{% assign s = s | replace: 'x', s %}" * 20,
    "doubling by concat": "{% assign l = 'a,b,c' | split: ',' %}"
    + "{% assign l = l | concat: l %}" * 40,
    "doubling in a loop": "{% assign s = 'x' %}{% for i in (1..100) %}{% assign s = s | append: s %}"
    "{% endfor %}",
    "replacing nothing by much": "{{ big | replace: '', big }}",
    "replacing everything by much": "{{ big | replace: 'x', big }}",
    "joining with much": "{{ list | join: big }}",
    "splitting into characters": "{{ big | split: '' | join: ' ' }}",
    "splitting into words": "{{ words | split: ' ' | uniq | size }}",
    "splitting again and again": "{% for i in (1..9999) %}{% assign l = words | split: 'a' %}{% endfor %}",
    "growing numbers": _SQUARE + "{{ n }}",
    "a number of many digits": "{{ " + "9" * 4000 + " | times: 2 }}",
    "a number of too many digits": "{{ " + "9" * 9000 + " | plus: 1 }}",
    "text as a number": "{{ digits | plus: 1 }}",
    "a huge exponent": "{{ '1e999999999' | times: 2 }}",
    "a sum of huge exponents": "{{ '1e99999999,1' | split: ',' | sum }}",
    "rounding to many digits": "{{ 1.5 | round: 999999999999 }}",
    "dividing by nothing": "{{ 1 | divided_by: 0 }}{{ 1 | modulo: 0 }}",
    "infinite numbers": "{{ 1.0e308 | times: 1.0e308 | round }}",
    "a date in a huge width": "{{ 'now' | date: '%99999999999d' }}",
    "a date in a huge format": "{{ 'now' | date: big }}",
    "a huge date": "{{ big | date: '%Y' }}",
    "a date beyond time": "{{ 99999999999999999999 | date: '%Y' }}",
    "a date of odd digits": "{{ '²²²' | date: '%Y' }}",
    "a date with a null": "{{ 'now' | date: '%Y\\x00%Y' }}",
    "escaping much": "{{ big | escape | escape | escape | escape }}",
    "escaping once": "{{ big | escape_once }}",
    "encoding much": "{{ big | url_encode | url_encode | url_encode | url_encode }}",
    "decoding much": "{{ big | url_decode }}{{ big | base64_decode }}",
    "encoding in base64 again and again": "{{ big | base64_encode | base64_encode | base64_encode }}",
    "tags that never end": "{{ angles | strip_html | size }}",
    "comments that never end": "{{ comments | strip_html | size }}",
    "spaces that are squished": "{{ spaces | squish }}{{ spaces | strip }}{{ spaces | split: ' ' }}",
    "truncating to much": "{{ words | truncatewords: 9999999999999999999 }}",
    "truncating with much": "{{ 'a' | truncate: 99999999999999, big }}{{ big | truncate: 5, big }}",
    "slicing beyond": "{{ big | slice: -999999999999999999999999, 99999999999999999999999999 }}",
    "unlike things sorted": "{{ mixed | sort }}{{ mixed | uniq | map: 'a' | sum }}",
    "natural sorting": "{{ list | sort_natural | uniq | join }}",
    "filters one behind another": "{{ 'a'" + " | append: 'aaaaaaaaaa'" * 400 + " }}",
    "deep data": "{{ deep | join }}{{ deep }}",
    "cycles that are kept": "{% for i in (1..9999) %}{% cycle big, i, words %}{% endfor %}",
    "changes that are kept": "{% for i in (1..9999) %}{% ifchanged %}{{ big }}{{ i }}{% endifchanged %}"
    "{% endfor %}",
    "output in a loop": "{% for i in (1..9999) %}{{ big }}{% endfor %}",
    "literal text in a loop": "{% for i in (1..19000) %}" + "y" * 5000 + "{% endfor %}",
    "captures in a loop": "{% for i in (1..9999) %}{% capture c %}{{ big }}{% endcapture %}{% endfor %}",
    "many variables": "".join(f"{{% assign v{n} = big %}}" for n in range(300)),
    "silent captures in a loop": "{% for i in (1..19000) %}{% if true %}{% assign x = big | upcase %}"
    "{% endif %}{% endfor %}",
    "including oneself": "{% render 'self' %}",
    "including in a circle": "{% render 'ping' %}",
    "including in a loop": "{% for i in (1..9999) %}{% render 'double' %}{% endfor %}",
    "including for each": "{% render 'double' for (1..19000) as x %}",
    "including what isn't there": "{% render 'missing' %}",
    "deep blocks": "{% if true %}" * 3000 + "x" + "{% endif %}" * 3000,
    "deep blocks in a liquid tag": "{% liquid\n" + "if true\n" * 900 + "endif\n" * 900 + "%}",
    "many lines of a liquid tag": "{% liquid\n" + "echo 'x'\n" * 1100 + "%}",
    "long conditions": "{% if " + "a or " * 1900 + "b %}x{% endif %}",
    "long paths": "{{ a" + ".b" * 4500 + " }}",
    "deep paths": "{{ " + "a[" * 3000 + "'x'" + "]" * 3000 + " }}",
    "many cases": "{% case x %}" + "{% when 'a' %}b" * 3900 + "{% endcase %}",
    "many branches": "{% if a == 1 %}" + "{% elsif a == 2 %}b" * 3900 + "{% endif %}",
    "openings only": "{{" * 120_000,
    "openings of tags only": "{%" * 120_000,
    "openings and closings": "{{}}" * 60_000,
    "tags without a name": "{% %}" * 40_000,
    "verbatim that never ends": "{% raw %}" * 25_000,
    "documentation that never ends": "{% doc %}" * 25_000,
    "comments that open": "{% comment %}" * 15_000,
    "closings of nothing": "}}%}" * 60_000,
    "spaces in a tag": "{% if " + " " * 240_000 + "x",
    "spaces in a closed tag": "{{ a" + " " * 9_900 + " }}" + "{{ a" + " " * 9_900 + "b }}" * 20,
    "many outputs": "{{ a }}" * 35_000,
    "many dashes": "{{" + "-" * 200_000 + "}}",
    "quotes that never end": "{{ '" + "a" * 9_000 + " }}",
    "too long": "x" * 300_000,
    "long text with braces": "{ " * 124_000,
    "python's insides": "{{ big.__class__.__mro__ }}{{ list.__init__ }}{{ n.real }}",
}

PARTIALS: Mapping[str, str] = {
    "self": "{% render 'self' %}",
    "ping": "{% render 'pong' %}{% render 'pong' %}",
    "pong": "{% render 'ping' %}{% render 'ping' %}",
    "double": "{% for i in (1..1000) %}{{ i }}{% endfor %}",
}

VALUES: Mapping[str, str] = {
    "big": _BIG,
    "words": _WORDS,
    "digits": "9" * 100_000,
    "n": "1000000000",
    "list": _LIST,
    "deep": _DEEP,
    "mixed": '[1, "a", null, {"a": 1}, [2], 1.5, {"a": [1]}]',
    "angles": "<a " * 130_000,
    "comments": "<!--" * 100_000,
    "spaces": " " * 400_000,
    "a": "a",
    "x": "y",
}

TYPES: Mapping[str, str] = {"list": "json", "deep": "json", "mixed": "json", "n": "integer"}
