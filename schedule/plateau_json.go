package schedule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// strict reads an object into a struct and refuses null and fields that it has
// not.
func strict(typ string, data []byte, to any) error {
	if string(data) == "null" {
		return fmt.Errorf("schedule.%s: is null, want an object", typ)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(to); err != nil {
		return fmt.Errorf("schedule.%s: %s", typ, strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
