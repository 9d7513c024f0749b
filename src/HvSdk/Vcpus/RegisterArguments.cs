namespace HvSdk;

/// <summary>What calls that name registers have to be given, on either architecture.</summary>
internal static class RegisterArguments
{
    internal static void RequireSameLength(int names, int values)
    {
        if (names != values)
        {
            throw new ArgumentException($"{names} registers and {values} values were given: there must be one value per register.", nameof(values));
        }
    }
}
