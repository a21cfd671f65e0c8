. /tmp/w/s4/look.tmp/env.sh
export FIREBASE_DATABASE_EMULATOR_HOST=127.0.0.1:9420 WALD_WAREHOUSE=$T/w2.duckdb
nohup python -m rtdb --port 9420 --data $T/r2 > $T/rtdb.log 2>&1 & echo $! > $T/rtdb.pid
sleep 2
python -m demo > $T/demo.log 2>&1; tail -2 $T/demo.log
python -m dashboard sync | tail -1
export SENTRY_URL=https://sentry.example SENTRY_ORG=bastion SENTRY_PROJECT=1
nohup python -m streamlit run dashboard/app.py --server.port 8411 --server.address 127.0.0.1 --server.headless true > $T/st.log 2>&1 & echo $! > $T/st.pid
