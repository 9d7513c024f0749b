using System.Reflection;
using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp.Tests;

/// <summary>Every result that has a name says it.</summary>
public sealed class ErrorTests
{
    public static TheoryData<string, int> Codes
    {
        get
        {
            var codes = new TheoryData<string, int>();
            foreach (FieldInfo code in typeof(HRESULTS).GetFields().Where(static code => (int)code.GetRawConstantValue()! < 0))
            {
                codes.Add(code.Name, (int)code.GetRawConstantValue()!);
            }

            return codes;
        }
    }

    [Theory]
    [MemberData(nameof(Codes))]
    public void Error_OfEachCode_HasNameNumberAndMeaning(string name, int code)
    {
        HypervisorException e = WhpError.FromResult("WHvSomething", code);

        Assert.Contains($"{name} (0x{code:X8}): ", e.Message, StringComparison.Ordinal);
        Assert.StartsWith("WHP: WHvSomething failed: ", e.Message, StringComparison.Ordinal);
        Assert.Equal(code, e.NativeErrorCode);
        Assert.EndsWith(".", e.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Error_OfAnUnknownCode_HasItsNumber() =>
        Assert.Equal("HRESULT 0x87654321.", WhpError.FromResult("WHvSomething", unchecked((int)0x87654321)).Reason);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Check_Success_DoesNotThrow(int result) => WhpError.Check(result, "WHvSomething");
}
