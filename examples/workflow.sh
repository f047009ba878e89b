#!/usr/bin/env bash
# The whole workflow with curl: upload, watch, download.
# Usage: workflow.sh URL TOKEN
set -euo pipefail
HOST=${1%/}
TOKEN=$2

# Step 1: prepare a CSV
cat > claims.csv << EOF
claim_number,first_name,last_name,date_of_birth,subscriber_id
ZE59426195,CHANTAL,KISA,05/10/1975,057896633
EOF

# Step 2: upload
JOB_ID=$(curl -sS --fail-with-body -X POST "$HOST/api/v1/claims/bulk/upload/" \
  -H "Authorization: Bearer $TOKEN" \
  -F "file=@claims.csv" \
  | jq -er '.id')

echo "Job ID: $JOB_ID"

# Step 3: watch it
while STATUS=$(curl -sS --fail-with-body "$HOST/api/v1/claims/csv-jobs/$JOB_ID/progress/" \
    -H "Authorization: Bearer $TOKEN" | jq -er '.status') && [[ $STATUS =~ ^P ]]; do
  sleep 0.5
done
curl -sS --fail-with-body "$HOST/api/v1/claims/csv-jobs/$JOB_ID/progress/" -H "Authorization: Bearer $TOKEN" | jq

# Step 4: download the results
curl -sS --fail-with-body -O -J "$HOST/api/v1/claims/csv-jobs/$JOB_ID/results/" \
  -H "Authorization: Bearer $TOKEN"
cat claim-status-*.csv
