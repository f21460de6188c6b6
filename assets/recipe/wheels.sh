# Sourced by the scripts that train elsewhere: what Python lacks there comes from wheels that were carried along.
# usage: carried WHEELS "MODULE, MODULE"
carried() {
    if ! python3 -c "import $2" 2> /dev/null; then
        python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target /tmp/site "$1"/*.whl
        export PYTHONPATH=/tmp/site
    fi
}
