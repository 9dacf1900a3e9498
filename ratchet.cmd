@echo off
rem The `ratchet` command on Windows: type .\ratchet in the course's folder, nothing activated.
setlocal
set "ROOT=%~dp0"
set "STAMP=%ROOT%.venv\.installed"
if not exist "%STAMP%-run" if not exist "%STAMP%-dev" (
    echo ratchet: no environment yet, making one in %ROOT%.venv, once, a few minutes 1>&2
    where /q py && (py -3 "%ROOT%tools\bootstrap.py" run 1>&2) || (python "%ROOT%tools\bootstrap.py" run 1>&2)
    if not exist "%STAMP%-run" exit /b 1
)
set "RATCHET_CALL=.\ratchet"
set "PYTHONPATH=%ROOT%;%PYTHONPATH%"
"%ROOT%.venv\Scripts\python.exe" -P -m harness %*
exit /b %ERRORLEVEL%
