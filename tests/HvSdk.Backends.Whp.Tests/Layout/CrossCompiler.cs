using System.Diagnostics;
using HvSdk.Live;

namespace HvSdk.Backends.Whp.Tests.Layout;

/// <summary>Debian's compiler for Windows (gcc-mingw-w64-x86-64-win32, with mingw-w64-x86-64-dev), and what its headers say.</summary>
internal static class CrossCompiler
{
    private const string Compiler = "x86_64-w64-mingw32-gcc";
    private const string ObjDump = "x86_64-w64-mingw32-objdump";

    private const string Source = """
        #include <windows.h>
        #include <_mingw_mac.h>
        #include <winhvplatform.h>
        unsigned int version[] = { __MINGW64_VERSION_MAJOR, __MINGW64_VERSION_MINOR };
        """;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    /// <summary>Compiles the headers and reads the debug information; skips the test where there is no compiler (tier "mingw").</summary>
    internal static HeaderLayout ReadHeaders()
    {
        string directory = Directory.CreateTempSubdirectory("hvsdk-layout-").FullName;
        try
        {
            string source = Path.Combine(directory, "layout.c");
            string program = Path.Combine(directory, "layout.o");
            File.WriteAllText(source, Source);
            Run(Compiler, "-gdwarf-4", "-gstrict-dwarf", "-fno-eliminate-unused-debug-types", "-c", "-o", program, source);
            return HeaderLayout.FromDwarf(DwarfReader.Read(Run(ObjDump, "--dwarf=info", program)));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static string Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            if (!process.WaitForExit(s_limit))
            {
                process.Kill();
                Assert.Fail($"{program} was still running after {s_limit}.");
            }

            Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}:\n{errors.Result}");
            return output.Result;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            LiveHypervisor.SkipOrFail("mingw", $"{program} cannot be started: {e.Message} (Debian: gcc-mingw-w64-x86-64-win32).");
            throw;
        }
    }
}
