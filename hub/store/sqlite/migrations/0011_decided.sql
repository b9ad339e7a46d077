-- What reports ask of a turn, apart from its long body: reading a month must not mean reading everything said in it.
ALTER TABLE turns ADD COLUMN actor TEXT;
ALTER TABLE turns ADD COLUMN facts TEXT;
UPDATE turns SET actor = json_extract(body, '$.actor'), facts = json_extract(body, '$.facts');
CREATE INDEX turns_decided ON turns (id, actor, facts);
