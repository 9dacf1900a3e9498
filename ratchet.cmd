@echo off
rem The `ratchet` command on Windows: type .\ratchet in the course's folder, nothing activated.
setlocal
set "ROOT=%~dp0"
set "VENV_PYTHON=%ROOT%.venv\Scripts\python.exe"
if exist "%ROOT%.venv\.installed-run" goto ready
if exist "%ROOT%.venv\.installed-dev" goto ready
echo ratchet: no environment yet, making one in %ROOT%.venv (once, a few minutes) 1>&2
where /q py && (py -3 "%ROOT%tools\bootstrap.py" run 1>&2) || (python "%ROOT%tools\bootstrap.py" run 1>&2)
if not exist "%ROOT%.venv\.installed-run" exit /b 1
:ready
set "RATCHET_CALL=.\ratchet"
set "PYTHONPATH=%ROOT%;%PYTHONPATH%"
"%VENV_PYTHON%" -P -m harness %*
exit /b %ERRORLEVEL%
