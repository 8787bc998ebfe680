@echo off
rem SPDX-License-Identifier: MIT
rem
rem scripts\ci-windows.cmd SHELL WHAT [PRESET]
rem
rem One step of a build on Windows, inside the right tool chain.
rem   SHELL  vcvars64, vcvarsamd64_x86, vcvarsarm64 ...: Visual Studio 2022's
rem          msys2-ucrt64, msys2-clang64: MSYS2 in C:\msys64
rem   WHAT   install   what MSYS2 lacks (vcpkg installs by itself)
rem          test      configure, build and run the tests of PRESET
rem          build     configure and build only (for another machine)
rem          demo      run the demo
rem          package   zip the install tree of PRESET
rem          report    send the test results to AppVeyor
setlocal
set SHELL_OF=%~1
set WHAT=%~2
set PRESET=%~3
set ROOT=%~dp0..
cd /d "%ROOT%"

if "%SHELL_OF:~0,5%"=="msys2" goto :msys2

for /f "usebackq delims=" %%i in (`"%ProgramFiles(x86)%\Microsoft Visual Studio\Installer\vswhere.exe" -latest -products * -property installationPath`) do set VSPATH=%%i
call "%VSPATH%\VC\Auxiliary\Build\%SHELL_OF%.bat" || exit /b 1
if "%WHAT%"=="install" exit /b 0
if not defined VCPKG_ROOT set VCPKG_ROOT=%VCPKG_INSTALLATION_ROOT%
if "%WHAT%"=="test"  goto :test
if "%WHAT%"=="build" goto :build
goto :common

:msys2
set MSYSTEM=UCRT64
if "%SHELL_OF%"=="msys2-clang64" set MSYSTEM=CLANG64
set CHERE_INVOKING=1
set MSYS2_PATH_TYPE=minimal
C:\msys64\usr\bin\bash.exe -lc "scripts/ci-msys2.sh %WHAT% %PRESET%"
exit /b %ERRORLEVEL%

:test
cmake -DRUN=test-%PRESET% -P cmake\workflow.cmake
exit /b %ERRORLEVEL%

:build
cmake --preset %PRESET% || exit /b 1
cmake --build --preset %PRESET%
exit /b %ERRORLEVEL%

:common
if "%WHAT%"=="demo"    cmake --build --preset %PRESET% --target demo
if "%WHAT%"=="package" cmake -DPRESET=%PRESET% -P cmake\package.cmake
if "%WHAT%"=="report"  cmake -DPRESET=%PRESET% -P cmake\report.cmake
exit /b %ERRORLEVEL%
